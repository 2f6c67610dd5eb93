// The packages of a lock for the install pipeline: as if they had just been resolved.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/resolution.h"

#include <filesystem>
#include <vector>

namespace moat {

// A lock holds no requirements, so packages that nothing else in it needs count as asked for.
Goal locked_goal(const std::vector<SelectedPackage>& selected);

// `lock_directory`: paths in the lock are relative to it. A folder's version is read now, which may take a
// build: the goal's sources must be prepared. Error(BadInput) names the invalid entry.
Resolution locked_resolution(const std::vector<SelectedPackage>& selected,
                             const std::filesystem::path& lock_directory, Session& session);

}  // namespace moat
