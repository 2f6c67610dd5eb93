// Folders of the user's, and what building does to them.
#pragma once

#include "resolver/pyproject.h"

#include <filesystem>

namespace moat {

// pyproject.toml, else what trees without one get. Errors are clauses: "pyproject.toml: … (line 3)".
Expected<BuildSystem> read_build_system(const std::filesystem::path& tree);

// setuptools leaves build/ and *.egg-info in the tree and takes up again what it finds there; the other
// backends do not. But sources that ask git for their version, in a folder of a bigger checkout, are only
// themselves in their place.
bool wants_copy(const BuildSystem& system, const std::filesystem::path& tree);

// Without what cannot be source: environments, caches of tools, node_modules, what setuptools built before.
// .git comes along. Links are copied as links. Error(Disk).
void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace moat
