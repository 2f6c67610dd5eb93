// The versions of projects that the indexes of the settings have (resolver/solve/available_versions.h), by
// the settings: for `moat list --outdated`, `moat pip list` and `moat pip index`.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/installed.h"
#include "resolver/solve/available_versions.h"

#include <map>
#include <utility>
#include <vector>

namespace moat {

// Source distributions count, unless --only-binary or --no-build forbids them.
std::vector<AvailableVersion> available_versions(const PackageName& name, const Target& target,
                                                 bool ignore_requires_python, Session& session);

std::vector<std::pair<PackageName, Version>> versions_of(const std::vector<InstalledDistribution>& installed);

std::map<PackageName, AvailableVersion> newest_versions(
    const std::vector<std::pair<PackageName, Version>>& packages, const Target& target,
    NewerPrereleases newer, Session& session);

}  // namespace moat
