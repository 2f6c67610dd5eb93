// What --help prints.
#pragma once

#include "cli/args/commands.h"

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace moat {

// Of `moat install`; `app`: as its options were declared.
std::string command_help(const CommandEntry& command, const CLI::App& app);
// Of `moat env`.
std::string family_help(std::string_view family);

}  // namespace moat
