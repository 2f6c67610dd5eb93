// The user's source folders, and the effects of building in them.
#pragma once

#include "resolver/files/pyproject.h"

#include <filesystem>
#include <set>

namespace moat {

// pyproject.toml, or the default for trees without one. Errors are clauses: "pyproject.toml: … (line 3)".
Expected<BuildSystem> read_build_system(const std::filesystem::path& tree);

// Folders are built in place: they may need files next to them (`../VERSION`, links that lead out, the
// repository they are part of). Only setuptools in a read-only folder gets a copy, because it writes
// there.
bool wants_copy(const BuildSystem& system, const std::filesystem::path& tree);

// Removes what setuptools leaves in a folder during its lifetime: *.egg-info, and in build/ the files
// gathered for the wheel. Existing files stay, and so do caches of native builds (build/temp.*, and those of
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

// Copies a tree without files that cannot be source: environments, caches of tools, node_modules, earlier
// results of setuptools. .git is copied. Links are copied as links; unreadable files are left out.
// Error(Disk) if the copy cannot be written.
void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace moat
