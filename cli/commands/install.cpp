// moat install PACKAGE…
#include "cli/commands/install.h"

#include "cli/commands/commands.h"
#include "cli/session/changes.h"
#include "cli/session/dry_run.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/required_python.h"
#include "cli/session/shown_commands.h"
#include "cli/session/source_setup.h"
#include "envs/environment/remove_environment.h"
#include "envs/environment/shell_words.h"
#include "envs/install/bytecode_ahead.h"
#include "envs/install/requests.h"
#include "envs/journal/change.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/lock/lockfile.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

// The environment to install in. The user's own environment, and that of an installed application, is created
// after everything else has succeeded; any other must exist.
struct InstallPlace {
  fs::path root;
  std::optional<Environment> environment;
  Interpreter interpreter;
  InstalledDistributions installed;
  Present present;
};

InstallPlace place_for(const InstallCommand& command, Session& session) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(session.settings());
  const bool may_be_made =
      chosen && (chosen->by == ChosenBy::User || (chosen->by == ChosenBy::Tool && command.of_application));
  if (may_be_made && !Environment::exists_at(chosen->root))
    return {.root = chosen->root, .interpreter = session.chosen_interpreter()};
  const Environment environment = open_for_change(session);
  check_python_option(environment, session);
  InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  for (const std::string& problem : installed.problems) session.reporter().warn(problem);
  Present present = Present::of(environment, installed);
  return {environment.root(), environment, environment.interpreter(), std::move(installed),
          std::move(present)};
}

ResolvePolicy policy_of(const InstallCommand& command, const Goal& goal) {
  ResolvePolicy policy{.upgrade = command.upgrade, .no_deps = command.no_deps, .fix = command.fix};
  for (const std::string& name : command.upgrade_packages)
    policy.upgrade_packages.insert(parse_package_name(name));
  if (command.upgrade_named)
    for (const RootRequirement& root : goal.requirements)
      policy.upgrade_packages.insert(root.requirement.name);
  return policy;
}

// Nothing to resolve, nothing to fetch: everything asked for is installed, with its dependencies.
bool is_there_already(const InstallCommand& command, const Goal& goal, const InstalledGraph& graph) {
  const bool upgrades = command.upgrade || command.upgrade_named || !command.upgrade_packages.empty();
  return goal.unnamed.empty() && !command.fix && !upgrades && !command.reinstall && goal.overrides.empty() &&
         graph.satisfies(with_earlier_of_named(goal), goal.constraints);
}

TransactionRequest only_marks(const Goal& goal, const InstalledGraph& graph) {
  TransactionRequest request;
  if (goal.only_dependencies) return request;
  for (const RootRequirement& root : goal.requirements)
    if (const InstalledNode* node = graph.find(root.requirement.name);
        node != nullptr && !node->distribution.requested)
      request.mark_requested.insert(root.requirement.name);
  return request;
}

// Names for which the user now asks for a newer version than before.
std::set<PackageName> upgraded_names(const InstallCommand& command, const Goal& goal) {
  std::set<PackageName> out;
  for (const std::string& name : command.upgrade_packages) out.insert(parse_package_name(name));
  if (command.upgrade || command.upgrade_named)
    for (const RootRequirement& root : goal.requirements) out.insert(root.requirement.name);
  return out;
}

void record_requests(const Goal& goal, const InstallPlace& place, Session& session,
                     TransactionRequest& request) {
  RequestChanges changes = request_changes(goal, place.present.requests, session.command_line());
  request.requests = std::move(changes.said);
  request.forget_requests = std::move(changes.forgotten);
}

TransactionRequest request_for(const InstallCommand& command, Goal& goal, const InstallPlace& place,
                               const InstallLook& look, UndoFolders& clones, ChangeReport& report,
                               Session& session) {
  const InstalledGraph graph(place.installed, place.interpreter.markers);
  say_excluded(goal, place.interpreter.markers, session.reporter());
  if (is_there_already(command, goal, graph)) {
    TransactionRequest request = only_marks(goal, graph);
    if (look) look(goal, {}, request);
    return request;
  }
  clones = prepare_sources(goal, place.interpreter, session, place.environment, command.dry_run && !look);
  const ResolvePolicy policy = policy_of(command, goal);
  const Resolution resolution =
      resolve_for(goal, policy, target_of(place.interpreter), graph, place.present, session, OffersFix::Yes);
  check_upgrades(policy, resolution, place.present.versions);
  for (const std::string& note : resolution.notes) session.reporter().warn(note);
  const InstallPlan plan = plan_install(goal, resolution, place.present, command.reinstall);
  report.take_files(plan);
  if (command.dry_run && !look) return with_stored_wheels(plan, session.store());
  const auto runtime =
      place.environment ? runtime_inside(place.root, place.interpreter)
                        : ready_runtime(obtain_runtime(place.interpreter, session.store(), session.workers(),
                                                       session.reporter(), session.settings().compile));
  TransactionRequest request = with_wheels(plan, place.present, command.reinstall, runtime, goal, session);
  if (look) look(goal, plan, request);
  return request;
}

// Creates a missing environment, with everything in it.
void change(InstallPlace& place, TransactionRequest request, ChangeReport& report, Session& session) {
  report.created = !place.environment;
  const auto fill = [&](const Environment& environment) {
    const bool changes = !request.install.empty() || !request.mark_requested.empty() ||
                         !request.requests.empty() || !request.forget_requests.empty();
    if (changes || report.created)
      expect_commands(environment.root(), place.root, session.settings().command_places());
    if (changes) report.take(apply(std::move(request), environment, session));
  };
  if (place.environment)
    fill(*place.environment);
  else
    place.environment = create_and_say(place.root, session, fill);
}

// `before`: the state of an environment that was there.
void take_back(int before, const ChangeReport& report, Session& session) {
  if (report.created)
    take_back_environment(report.environment);
  else if (report.state != before)
    rollback(report.environment, before, session.command_line(), session.settings().durable);
}

// Packages excluded by markers are neither installed nor reported as installed.
std::string nothing_to_do(const Goal& goal, const MarkerEnvironment& environment) {
  const auto is_needed = [&](const RootRequirement& root) {
    return !root.requirement.marker || root.requirement.marker->evaluate(environment);
  };
  const std::vector<RootRequirement>& lines = goal.requirements;
  const auto needed = std::count_if(lines.begin(), lines.end(), is_needed);
  if (needed == 0 && goal.unnamed.empty()) return "nothing that was asked for is needed here";
  return needed == std::ssize(lines) ? "everything asked for is installed"
                                     : "everything that is needed here is installed";
}

}  // namespace

ChangeReport install_packages(const InstallCommand& command, Goal goal, Session& session,
                              const InstallLook& look) {
  InstallPlace place = place_for(command, session);
  goal.upgrades = command.upgrade || command.upgrade_named;
  // pip shows the index's spelling of a name.
  const bool as_pip = session.settings().files_as_pip;
  if (!as_pip && (command.reinstall || goal.upgrades || !command.upgrade_packages.empty()))
    keep_sources(place.present, goal);
  add_earlier_requests(place.present.requests, upgraded_names(command, goal), goal);
  ChangeReport report{.environment = place.root,
                      .state = place.environment ? place.environment->manifest_without_files().state : 0,
                      .dry_run = command.dry_run,
                      .nothing = nothing_to_do(goal, place.interpreter.markers)};
  UndoFolders clones;
  TransactionRequest request = request_for(command, goal, place, look, clones, report, session);
  check_commands(request, place.root, session.settings().command_places());
  if (command.dry_run) {
    report.operations = place.environment ? dry_run(std::move(request), *place.environment, session)
                                          : plan_operations(place.installed, request);
  } else {
    record_requests(goal, place, session, request);
    const int before = report.state;
    change(place, std::move(request), report, session);
    show_new_commands(*place.environment, session, [&] { take_back(before, report, session); });
    clones.keep();
  }
  return report;
}

namespace {

bool is_pylock(const std::string& path) { return is_lock_name(fs::path(path).filename().native()); }

}  // namespace

std::optional<SyncCommand> as_sync(const InstallCommand& command) {
  const auto lock =
      std::find_if(command.requirement_files.begin(), command.requirement_files.end(), is_pylock);
  if (lock == command.requirement_files.end()) return std::nullopt;
  const bool alone = command.packages.empty() && command.editables.empty() && command.groups.empty() &&
                     command.requirement_files.size() == 1 && command.constraint_files.empty();
  const bool plain = !command.upgrade && command.upgrade_packages.empty() && !command.reinstall &&
                     !command.no_deps && !command.fix;
  if (!alone || !plain)
    throw Error(ErrorKind::Usage,
                fmt::format("{} is a lock file: nothing else can be installed with it", quote(*lock)),
                {fmt::format("`moat install -r {}` first, then the rest", shell_word(*lock))});
  return SyncCommand{.lock = *lock, .extras = {}, .groups = {}, .inexact = true, .dry_run = command.dry_run};
}

int execute(const InstallCommand& command, Session& session) {
  if (const std::optional<SyncCommand> sync = as_sync(command)) return execute(*sync, session);
  Goal goal = read_goal(command.packages, command.requirement_files, command.constraint_files, session,
                        command.editables);
  goal.require_hashes = goal.require_hashes || command.require_hashes;
  const AskBackend ask = backend_asker(
      goal, [&] { return interpreter_here(session); }, session);
  add_lines(read_groups(command.groups, session.settings(), ask), goal, session);
  report_changes(install_packages(command, std::move(goal), session), session);
  return 0;
}

}  // namespace moat
