#include "cli/session/install_terms.h"

#include "cli/settings/index_list.h"
#include "resolver/solve/fold_options.h"

#include <utility>

namespace moat {
namespace {

PrereleasePolicy prereleases(const Goal& goal, const Settings& settings) {
  PrereleasePolicy policy = settings.prereleases, of_files = fold_releases(goal.file_options);
  if (policy.otherwise == Prereleases::IfNecessary) policy.otherwise = of_files.otherwise;
  policy.by_name.merge(of_files.by_name);
  return policy;
}

// Later entries override.
BinaryPolicy binary_policy(const Goal& goal, const Settings& settings) {
  std::vector<std::pair<std::string, std::string>> binary = goal.file_options.binary;
  binary.insert(binary.end(), settings.binary.begin(), settings.binary.end());
  return fold_binary(binary);
}

}  // namespace

InstallRequest install_request(const Goal& goal, const Settings& settings) {
  InstallRequest request{.indexes = index_list(settings, goal.file_options),
                         .mode = settings.resolution,
                         .prereleases = prereleases(goal, settings),
                         .binary = binary_policy(goal, settings),
                         .exclude_newer = settings.exclude_newer,
                         .window = settings.window,
                         .may_build = !settings.no_build,
                         .no_vulnerable = settings.no_vulnerable};
  request.build = {.constraints = {},
                   .config_settings = settings.config_settings,
                   .variables = passed_to_builds({settings.variables.begin(), settings.variables.end()},
                                                 settings.build_env),
                   .isolation = settings.build_isolation,
                   .network = settings.build_network};
  return request;
}

InstallRequest whole_install_request(const Goal& goal, Session& session) {
  const Settings& settings = session.settings();
  InstallRequest request = install_request(goal, settings);
  if (!settings.build_constraints.empty())
    request.build.constraints = read_goal({}, {}, settings.build_constraints, session).constraints;
  return request;
}

}  // namespace moat
