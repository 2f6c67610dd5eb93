// What --help prints.
#pragma once

#include "cli/args/commands.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace moat {

// Line length when the output is not a terminal.
inline constexpr std::size_t kHelpWidth = 110;
// `text` broken at spaces so that no line is longer than `width`; later lines are indented.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

// A page below, for a terminal of this width: lines are broken where their text begins, and `heading` formats
// the headings. Examples stay as they are, to be copied.
std::string fit_help(std::string_view page, std::size_t width,
                     const std::function<std::string(std::string_view)>& heading);

// Help of `moat install`, with one line per option; `app`: with its declared options.
std::string command_help(const CommandEntry& command, const CLI::App& app);
// Help of `moat env`.
std::string family_help(std::string_view family);

}  // namespace moat
