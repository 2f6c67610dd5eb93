// Inline script metadata (PEP 723): the text of a script → what it needs.
#pragma once

#include "resolver/files/pyproject.h"
#include "resolver/files/toml.h"
#include "resolver/pep/specifier.h"

#include <optional>
#include <string_view>
#include <vector>

namespace moat {

// # /// script
// # requires-python = ">=3.11"
// # dependencies = ["requests<3"]
// # ///
struct ScriptMetadata {
  std::vector<ProjectLine> dependencies;  // with their lines in the script
  std::optional<SpecifierSet> requires_python;
  TomlTable tool;  // [tool]
};

// nullopt: the script has no such block (an unclosed one does not count). Two blocks are an error, as is any
// invalid value; errors end in "(line N)", counted in the script.
Expected<std::optional<ScriptMetadata>> parse_script_metadata(std::string_view text);

// A script split in three, so that its block can be edited as TOML. Line ends are kept.
struct ScriptParts {
  std::string before, toml, after;  // with the lines of the marks: the first in `before`, the last in `after`
  std::string text() const;         // put together again
};

// If the script has no block, adds an empty one after the lines that must come first: `#!` and the encoding.
Expected<ScriptParts> take_script_apart(std::string_view text);

}  // namespace moat
