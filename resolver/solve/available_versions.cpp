#include "resolver/solve/available_versions.h"

#include "resolver/solve/candidate_filter.h"

#include <algorithm>

namespace moat {
namespace {

std::vector<AvailableVersion> usable(const Project& project, CandidateFilter& filter, bool prereleases) {
  std::vector<AvailableVersion> out;
  for (const Candidate& candidate : filter.filter(project).candidates)
    if (!candidate.yanked && (prereleases || !candidate.prerelease()))
      out.push_back({candidate.version(), candidate.traits().is_wheel()});
  std::reverse(out.begin(), out.end());
  return out;
}

bool allows_prereleases(const PackageName& name, const ResolveRequest& request) {
  return request.prereleases.of(name) == Prereleases::Allow;
}

}  // namespace

std::vector<AvailableVersion> available_versions(const PackageName& name, const ResolveRequest& request,
                                                 CandidateSource& source) {
  source.request_project(name);
  CandidateFilter filter(request);
  return usable(wait_for(name, source), filter, allows_prereleases(name, request));
}

std::map<PackageName, AvailableVersion> newest_versions(
    const std::vector<std::pair<PackageName, Version>>& packages, const ResolveRequest& request,
    NewerPrereleases newer, CandidateSource& source) {
  CandidateFilter filter(request);
  for (const auto& [name, version] : packages) source.request_project(name);
  std::map<PackageName, AvailableVersion> out;
  for (const auto& [name, version] : packages) {
    const bool prereleases =
        allows_prereleases(name, request) || (newer == NewerPrereleases::OfThose && version.is_prerelease());
    std::vector<AvailableVersion> versions = usable(wait_for(name, source), filter, prereleases);
    if (!versions.empty()) out.emplace(name, std::move(versions.front()));
  }
  return out;
}

}  // namespace moat
