// moat install PACKAGE…
#include "cli/changes.h"
#include "cli/commands/commands.h"
#include "cli/install_pipeline.h"
#include "cli/open_env.h"
#include "cli/user_links.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

// The user's own environment is made on first use; any other must be there.
Environment environment_for(const InstallCommand& command, Session& session, bool& created) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(session.settings());
  created =
      chosen && chosen->by == ChosenBy::User && !Environment::exists_at(chosen->root) && !command.dry_run;
  return created ? create_and_say(chosen->root, session) : open_for_change(session);
}

ResolvePolicy policy_of(const InstallCommand& command) {
  ResolvePolicy policy{.upgrade = command.upgrade, .no_deps = command.no_deps};
  for (const std::string& name : command.upgrade_packages)
    policy.upgrade_packages.insert(parse_package_name(name));
  return policy;
}

// Nothing to resolve, nothing to fetch: what was asked for is there, with all it needs.
bool is_there_already(const InstallCommand& command, const Goal& goal, const InstalledGraph& graph) {
  return !command.upgrade && command.upgrade_packages.empty() && !command.reinstall &&
         goal.overrides.empty() && graph.satisfies(goal.requirements, goal.constraints);
}

TransactionRequest only_marks(const Goal& goal, const InstalledGraph& graph) {
  TransactionRequest request;
  for (const RootRequirement& root : goal.requirements)
    if (const InstalledNode* node = graph.find(root.requirement.name);
        node != nullptr && !node->distribution.requested)
      request.mark_requested.insert(root.requirement.name);
  return request;
}

UserLinks user_links(const Settings& settings) { return {settings.bin_dir, settings.data_dir}; }

void check_commands(const TransactionRequest& request, const Settings& settings) {
  std::set<std::string> commands;
  for (const WantedPackage& wanted : request.install)
    if (wanted.requested) commands.merge(commands_of(wanted.wheel));
  check_names_are_free(commands, user_links(settings));
}

void place_commands(const Environment& environment, Session& session) {
  const Settings& settings = session.settings();
  const std::set<std::string> commands = requested_commands(environment.manifest());
  const bool placed = set_links(commands, environment, user_links(settings));
  const std::string path = variable(settings.variables, "PATH");
  const std::vector<std::string_view> folders = split(path, ':');
  if (placed && std::find(folders.begin(), folders.end(), settings.bin_dir.native()) == folders.end())
    session.output().warn(
        fmt::format("{0} is not on PATH; this line in ~/.profile adds it: export PATH=\"{0}:$PATH\"",
                    settings.bin_dir.native()));
}

}  // namespace

int execute(const InstallCommand& command, Session& session) {
  const Settings& settings = session.settings();
  Goal goal = read_goal(command.packages, command.requirement_files, command.constraint_files, session);
  goal.require_hashes = goal.require_hashes || command.require_hashes;
  bool created = false;
  const Environment environment = environment_for(command, session, created);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  const Present present = Present::of(environment, installed);

  TransactionRequest request;
  if (is_there_already(command, goal, graph)) {
    request = only_marks(goal, graph);
  } else {
    const Resolution resolution =
        resolve_for(goal, policy_of(command), target_of(environment.interpreter()), graph, present, session);
    for (const std::string& note : resolution.notes) session.reporter().warn(note);
    const InstallPlan plan = plan_install(goal, resolution, present, command.reinstall);
    request = command.dry_run ? without_wheels(plan) : with_wheels(plan, present, command.reinstall, session);
  }
  ChangeReport report{.environment = environment.root(),
                      .state = environment.manifest().state,
                      .dry_run = command.dry_run,
                      .created = created,
                      .nothing = "everything asked for is installed"};
  if (command.dry_run) {
    report.operations = plan_operations(installed, request);
  } else {
    if (settings.user) check_commands(request, settings);
    if (!request.install.empty() || !request.mark_requested.empty()) {
      TransactionResult result = apply(std::move(request), environment, session);
      report.operations = std::move(result.operations);
      report.state = result.state;
      report.warnings = std::move(result.warnings);
    }
    if (settings.user) place_commands(environment, session);
  }
  report_changes(report, session);
  return 0;
}

}  // namespace moat
