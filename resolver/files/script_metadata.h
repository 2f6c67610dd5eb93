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

// nullopt: the script has no such block (one that is not closed is none). Two of them are an error, as is
// what the block says wrong; errors end in "(line N)", counted in the script.
Expected<std::optional<ScriptMetadata>> parse_script_metadata(std::string_view text);

// A script taken apart, to edit its block as TOML. Line ends stay what they are.
struct ScriptParts {
  std::string before, toml, after;  // with the lines of the marks: the first in `before`, the last in `after`
  std::string text() const;         // put together again
};

// Where the script has no block, an empty one behind what has to stand first: `#!`, and the encoding.
Expected<ScriptParts> take_script_apart(std::string_view text);

}  // namespace moat
