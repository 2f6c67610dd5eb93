#include "cli/session/available.h"

#include "cli/settings/fold_options.h"
#include "cli/settings/index_list.h"
#include "resolver/solve/candidate_filter.h"

#include <algorithm>
#include <set>

namespace moat {
namespace {

const Project& wait_for(const PackageName& name, IndexSource& source) {
  for (;;) {
    if (const Project* project = source.find_project(name)) return *project;
    source.wait();
  }
}

ResolveRequest request_of(const Target& target, const Settings& settings) {
  ResolveRequest request{.target = target};
  request.prereleases = settings.prereleases;
  request.binary = fold_binary(settings.binary);
  request.exclude_newer = settings.exclude_newer;
  request.can_build = !settings.no_build;
  return request;
}

std::vector<AvailableVersion> usable(const Project& project, CandidateFilter& filter, bool prereleases) {
  std::vector<AvailableVersion> out;
  for (const Candidate& candidate : filter.filter(project).candidates)
    if (!candidate.yanked && (prereleases || !candidate.prerelease()))
      out.push_back({candidate.version(), candidate.traits().is_wheel()});
  std::reverse(out.begin(), out.end());
  return out;
}

bool allows_prereleases(const PackageName& name, const Settings& settings) {
  return settings.prereleases.of(name) == Prereleases::Allow;
}

}  // namespace

std::vector<AvailableVersion> available_versions(const PackageName& name, const Target& target,
                                                 bool ignore_requires_python, Session& session) {
  const Phase phase(session.reporter(), "resolve");
  const std::unique_ptr<IndexSource> source = session.index_source(index_list(session.settings()));
  source->request_project(name);
  ResolveRequest request = request_of(target, session.settings());
  request.ignore_requires_python = ignore_requires_python;
  CandidateFilter filter(request);
  return usable(wait_for(name, *source), filter, allows_prereleases(name, session.settings()));
}

std::vector<std::pair<PackageName, Version>> versions_of(
    const std::vector<InstalledDistribution>& installed) {
  std::vector<std::pair<PackageName, Version>> out;
  for (const InstalledDistribution& distribution : installed)
    out.emplace_back(distribution.name, distribution.version);
  return out;
}

std::map<PackageName, AvailableVersion> newest_versions(
    const std::vector<std::pair<PackageName, Version>>& packages, const Target& target,
    NewerPrereleases newer, Session& session) {
  const Phase phase(session.reporter(), "resolve");
  const std::unique_ptr<IndexSource> source = session.index_source(index_list(session.settings()));
  const ResolveRequest request = request_of(target, session.settings());
  CandidateFilter filter(request);
  for (const auto& [name, version] : packages) source->request_project(name);
  std::map<PackageName, AvailableVersion> out;
  for (const auto& [name, version] : packages) {
    const bool prereleases = allows_prereleases(name, session.settings()) ||
                             (newer == NewerPrereleases::OfThose && version.is_prerelease());
    std::vector<AvailableVersion> versions = usable(wait_for(name, *source), filter, prereleases);
    if (!versions.empty()) out.emplace(name, std::move(versions.front()));
  }
  return out;
}

}  // namespace moat
