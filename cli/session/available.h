// The versions of a project that the indexes have and this target can use: for `moat list --outdated`, `moat
// pip list` and `moat pip index`.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/installed.h"
#include "resolver/solve/solve.h"

#include <map>
#include <vector>

namespace moat {

struct AvailableVersion {
  Version version;
  bool wheel = false;  // the file that would be installed is a wheel
};

// The versions of a project that this target can use, newest first: no yanked ones; pre-releases only where
// the settings ask for them. Source distributions count, unless --only-binary or --no-build forbids them.
std::vector<AvailableVersion> available_versions(const PackageName& name, const Target& target,
                                                 bool ignore_requires_python, Session& session);

// For an installed pre-release: do newer pre-releases count? moat says yes, pip no.
enum class NewerPrereleases { OfThose, AsSettings };

std::vector<std::pair<PackageName, Version>> versions_of(const std::vector<InstalledDistribution>& installed);

// The newest version of each project that has any. `packages`: which ones, and their installed versions.
std::map<PackageName, AvailableVersion> newest_versions(
    const std::vector<std::pair<PackageName, Version>>& packages, const Target& target,
    NewerPrereleases newer, Session& session);

}  // namespace moat
