// What making an environment match a lock adds to an installation: what else is there, and what may stay.
#pragma once

#include "envs/environment/installed.h"
#include "envs/install/install_plan.h"
#include "envs/install/present.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/resolution.h"

#include <filesystem>
#include <set>
#include <vector>

namespace moat {

// Only these packages and their dependencies, according to the lock.
void keep_needed(std::vector<SelectedPackage>& selected, const std::set<PackageName>& names);

// Leaves out the editable package of the project in this folder: it needs no new build if the metadata of its
// project has not changed since.
void drop_current(InstallPlan& plan, const std::filesystem::path& project, const Present& present);

// Installed packages that are not in the resolution.
std::set<PackageName> strays(const InstalledDistributions& installed, const Resolution& resolution);

}  // namespace moat
