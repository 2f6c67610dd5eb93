// What a lock installs, in terms of the install pipeline: as if its packages had just been resolved.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/resolution.h"

#include <filesystem>
#include <vector>

namespace moat {

// A lock holds no requirements, so what nothing else in it needs counts as asked for.
Goal locked_goal(const std::vector<SelectedPackage>& selected);

// `lock_directory`: what paths in the lock are relative to. A folder's version is what it says now, which a
// build may have to tell: the goal's sources must be prepared. Error(BadInput) names the entry that is wrong.
Resolution locked_resolution(const std::vector<SelectedPackage>& selected,
                             const std::filesystem::path& lock_directory, Session& session);

}  // namespace moat
