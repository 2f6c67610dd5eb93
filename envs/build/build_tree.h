// Folders of the user's, and what building does to them.
#pragma once

#include "resolver/files/pyproject.h"

#include <filesystem>
#include <set>

namespace moat {

// pyproject.toml, else what trees without one get. Errors are clauses: "pyproject.toml: … (line 3)".
Expected<BuildSystem> read_build_system(const std::filesystem::path& tree);

// Folders are built in their place: what lies beside them (`../VERSION`, links that lead out, the repository
// they are part of) may belong to them. Only setuptools in a folder that may not be written to gets a copy,
// since it writes there.
bool wants_copy(const BuildSystem& system, const std::filesystem::path& tree);

// Takes away what setuptools leaves in a folder while this lives: *.egg-info, and in build/ what it gathers
// for the wheel. What was there before stays, and so do caches of native builds (build/temp.*, and all of
// other tools).
class BuildTraces {
 public:
  explicit BuildTraces(std::filesystem::path tree);
  ~BuildTraces();
  BuildTraces(const BuildTraces&) = delete;
  BuildTraces& operator=(const BuildTraces&) = delete;

 private:
  std::filesystem::path tree_;
  std::set<std::filesystem::path> before_;
};

// Without what cannot be source: environments, caches of tools, node_modules, what setuptools built before.
// .git comes along. Links are copied as links; what cannot be read is left out. Error(Disk) where the copy
// cannot be written.
void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace moat
