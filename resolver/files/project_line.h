// What the [project] table and dependency groups of a pyproject.toml and the block of a script have in
// common: requirements, one a line, and the Pythons that will do.
#pragma once

#include "resolver/files/toml.h"
#include "resolver/pep/specifier.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// A requirement of the file, as written, with the line it stands on (1-based).
struct ProjectLine {
  std::string text;
  std::uint32_t line = 0;
};

// "what (line 3)"
tl::unexpected<ParseError> error_at(std::uint32_t line, std::string_view what);

// A list of texts, for `dependencies` and the like. `key` is for the message.
Expected<std::vector<ProjectLine>> read_project_lines(const TomlValue& value, std::string_view key);

// `requires-python`
Expected<SpecifierSet> read_requires_python(const TomlValue& value);

}  // namespace moat
