#include "cli/session/available.h"

#include "cli/settings/index_list.h"
#include "resolver/solve/fold_options.h"

#include <memory>

namespace moat {
namespace {

ResolveRequest request_of(const Target& target, const Settings& settings) {
  ResolveRequest request{.target = target};
  request.prereleases = settings.prereleases;
  request.binary = fold_binary(settings.binary);
  request.exclude_newer = settings.exclude_newer;
  request.can_build = !settings.no_build;
  return request;
}

}  // namespace

std::vector<AvailableVersion> available_versions(const PackageName& name, const Target& target,
                                                 bool ignore_requires_python, Session& session) {
  const Phase phase(session.reporter(), "resolve");
  const std::unique_ptr<IndexSource> source = session.index_source(index_list(session.settings()));
  ResolveRequest request = request_of(target, session.settings());
  request.ignore_requires_python = ignore_requires_python;
  return available_versions(name, request, *source);
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
  return newest_versions(packages, request_of(target, session.settings()), newer, *source);
}

}  // namespace moat
