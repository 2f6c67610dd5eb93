// The user's settings file, changed a line at a time: comments, order and everything else stay as they are.
#pragma once

#include "resolver/base/error.h"

#include <optional>
#include <string>
#include <string_view>

namespace moat {

// The text of the file with `name` set to a TOML value ("true", "\"copy\"", "[\"a\", \"b\"]") or, for
// nullopt, without it. Fails where the text is not TOML.
Expected<std::string> with_setting(std::string_view text, std::string_view name,
                                   const std::optional<std::string>& toml_value);

}  // namespace moat
