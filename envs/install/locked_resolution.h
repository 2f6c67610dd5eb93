// The packages of a lock for the steps after resolving: as if they had just been resolved.
#pragma once

#include "envs/install/goal.h"
#include "fetch/index/index_source.h"
#include "fetch/sources/source_setup.h"
#include "fetch/store/tools.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/resolution.h"

#include <filesystem>
#include <vector>

namespace moat {

// A lock holds no requirements, so packages that nothing else in it needs count as asked for.
Goal locked_goal(const std::vector<SelectedPackage>& selected);

struct LockedTools {
  Tools tools;
  const SourceSetup& sources;
  // --find-links: places that are asked for the same files first. No indexes: these the lock names.
  IndexSourceOptions near;
  bool only_near = false;  // --no-index
};

// `lock_directory`: paths in the lock are relative to it. A folder's version is read now, which may take a
// build: the goal's sources must be prepared. Error(BadInput) names the invalid entry.
Resolution locked_resolution(const std::vector<SelectedPackage>& selected,
                             const std::filesystem::path& lock_directory, const LockedTools& with);

}  // namespace moat
