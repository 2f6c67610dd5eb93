// The user's settings file, changed a line at a time: comments, order and everything else stay as they are.
#pragma once

#include "resolver/base/error.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// The text of the file with `name` set to a TOML value ("true", "\"copy\"", "[\"a\", \"b\"]") or, for
// nullopt, without it. Fails if the text is not TOML.
Expected<std::string> with_setting(std::string_view text, std::string_view name,
                                   const std::optional<std::string>& toml_value);

// A setting's value in TOML: `true`, `"copy"`, `["a", "b"]`. Throws Error(Usage) if the values have the wrong
// type, and for a table.
std::string toml_setting(std::string_view name, const std::vector<std::string>& values);

// Readable by the user alone, because it may hold credentials. Throws Error(Disk).
void write_user_config(const std::filesystem::path& path, const std::string& text);

}  // namespace moat
