// The versions of projects that a target can use, without resolving: for `moat list --outdated` and the like.
#pragma once

#include "resolver/solve/solve.h"

#include <map>
#include <utility>
#include <vector>

namespace moat {

struct AvailableVersion {
  Version version;
  bool wheel = false;  // the file that would be installed is a wheel
};

// The versions of a project that the request's target can use, newest first: no yanked ones; pre-releases
// only where the request allows them. Source distributions count where they may be built.
std::vector<AvailableVersion> available_versions(const PackageName& name, const ResolveRequest& request,
                                                 CandidateSource& source);

// For a present pre-release: do newer pre-releases count? moat says yes, pip no.
enum class NewerPrereleases { OfThose, AsRequested };

// The newest version of each project that has any. `packages`: which ones, and their present versions.
std::map<PackageName, AvailableVersion> newest_versions(
    const std::vector<std::pair<PackageName, Version>>& packages, const ResolveRequest& request,
    NewerPrereleases newer, CandidateSource& source);

}  // namespace moat
