// moat upgrade [NAME…]
#include "cli/commands/upgrade.h"

#include "cli/commands/commands.h"
#include "cli/commands/sync.h"
#include "cli/session/changes.h"
#include "cli/session/dry_run.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/source_setup.h"
#include "envs/environment/shell_words.h"
#include "envs/install/requests.h"
#include "envs/install/shown_commands.h"
#include "envs/journal/change.h"
#include "envs/project/project_files.h"
#include "resolver/base/nearest.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

// Error(NotFound) for packages that are not installed.
std::set<PackageName> names_of(const UpgradeCommand& command, const InstalledGraph& graph) {
  std::vector<std::string> installed;
  for (const auto& [name, node] : graph.nodes()) installed.push_back(name.display());
  std::set<PackageName> names;
  for (const std::string& text : command.names) {
    if (const auto requirement = Requirement::parse(text); requirement && !requirement->specifier.empty())
      throw Error(ErrorKind::Usage,
                  fmt::format("{} names a version; `moat upgrade` takes names only", quote(text)),
                  {fmt::format("`moat install {}` installs it", shell_word(text))});
    PackageName name = parse_package_name(text);
    if (graph.find(name) == nullptr) {
      std::vector<std::string> hints;
      if (const auto near = nearest_name(text, installed))
        hints.push_back(fmt::format("did you mean `{}`?", *near));
      else
        hints.push_back(fmt::format("`moat install {}` installs it", text));
      throw Error(ErrorKind::NotFound, fmt::format("{} is not installed", quote(text)), std::move(hints));
    }
    names.insert(std::move(name));
  }
  return names;
}

// The branch or tag of a repository, not its earlier commit.
std::string as_asked(const DirectUrl& from) {
  if (from.kind != SourceKind::Git) return from.reference();
  DirectUrl asked = from;
  asked.commit = from.requested_revision.empty() ? "HEAD" : from.requested_revision;
  return asked.reference();
}

// Drops `==`: for named packages; without names, for all pins from the command line. A requirements file is
// the user's own text, and would pin again.
std::set<PackageName> unpinned_by(const std::set<PackageName>& names,
                                  const std::vector<ManifestRequest>& requests) {
  if (!names.empty()) return names;
  std::set<PackageName> out, of_files;
  for (const ManifestRequest& request : requests)
    if (auto name = PackageName::parse(request.name))
      (request.kind == kFileRequest ? of_files : out).insert(*std::move(name));
  for (const PackageName& name : of_files) out.erase(name);
  return out;
}

// Earlier requests stay in force: all of those, and the named ones, should be at their newest version.
Goal goal_of(const std::set<PackageName>& names, const std::set<PackageName>& unpinned,
             const std::vector<ManifestRequest>& requests, const InstalledGraph& graph, Session& session) {
  Goal goal = read_goal({}, {}, {}, session);
  std::vector<NamedLine> lines;
  std::vector<std::string> left;
  for (const auto& [name, node] : graph.nodes()) {
    const bool is_named = names.contains(name);
    if (!node.distribution.requested && !is_named) continue;
    const std::string where = fmt::format("installed: {}", name.display());
    if (const auto from =
            node.distribution.direct_url ? DirectUrl::parse(*node.distribution.direct_url) : std::nullopt) {
      // A folder or URL gives something newer only if it is fetched again, which may take a build.
      if (!is_named) {
        left.push_back(name.display());
        continue;
      }
      lines.push_back({fmt::format("{} @ {}", name.display(), as_asked(*from)), where});
      if (from->editable) goal.editables.insert(name);
      continue;
    }
    for (std::string& text : held_requests(name, requests, unpinned.contains(name)))
      lines.push_back({std::move(text), where});
  }
  add_lines(lines, goal, session);
  if (!left.empty() && names.empty())
    session.output().say(fmt::format(
        "left as they are, since no index gave them: {} (name them to get them again)", join(left, ", ")));
  return goal;
}

// Packages not asked for by name before stay so.
void keep_requested(InstallPlan& plan, const InstalledGraph& graph) {
  const auto was_requested = [&](const PackageName& name) {
    const InstalledNode* node = graph.find(name);
    return node != nullptr && node->distribution.requested;
  };
  for (Step& step : plan.steps) step.requested = step.requested && was_requested(step.package->name);
  std::erase_if(plan.mark_requested, [&](const PackageName& name) { return !was_requested(name); });
}

// The user no longer wants the pin of an upgraded package.
RequestChanges without_pins(const std::vector<ManifestRequest>& requests, const std::set<PackageName>& names,
                            const std::string& command_line) {
  Goal words;
  add_earlier_requests(requests, names, words);
  return request_changes(words, requests, command_line);
}

// The project's lock, and the environment from it.
ChangeReport upgrade_project(const UpgradeCommand& command, Session& session) {
  const FolderLock alone = lock_project(session);
  const SyncCommand sync{.inexact = true, .dry_run = command.dry_run};
  const MadeLock lock =
      project_lock(sync, session, {.upgrade = command.names.empty(), .upgrade_packages = command.names});
  StagedFiles files(session.reporter());
  ChangeReport report = sync_project(sync, lock, files, session);
  report.nothing = "everything is up to date";
  return report;
}

bool is_about_project(Session& session) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(session.settings(), ForProject::Yes);
  return chosen && chosen->by == ChosenBy::Project && is_in_project(session.settings());
}

}  // namespace

ChangeReport upgrade_packages(const UpgradeCommand& command, Session& session) {
  const Environment environment = open_for_change(session, ForProject::Yes);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  const Present present = Present::of(environment, installed);
  const std::set<PackageName> names = names_of(command, graph);
  const Interpreter& interpreter = environment.interpreter();

  const Manifest manifest = environment.manifest_without_files();
  ChangeReport report{.environment = environment.root(),
                      .state = manifest.state,
                      .dry_run = command.dry_run,
                      .nothing = "everything is up to date"};
  const std::set<PackageName> unpinned =
      command.keep_pins ? std::set<PackageName>{} : unpinned_by(names, manifest.requests);
  Goal goal = goal_of(names, unpinned, manifest.requests, graph, session);
  UndoFolders clones = prepare_sources(goal, interpreter, session, environment, command.dry_run);
  const ResolvePolicy policy{.upgrade = names.empty(), .upgrade_packages = names};
  const Resolution resolution = resolve_for(goal, policy, target_of(interpreter), graph, present, session);
  for (const std::string& note : resolution.notes) session.reporter().warn(note);
  InstallPlan plan = plan_install(goal, resolution, present, false);
  keep_requested(plan, graph);
  report.take_files(plan);
  if (command.dry_run) {
    TransactionRequest request = with_stored_wheels(plan, session.store());
    check_commands(request, environment.root(), session.settings().command_places());
    report.operations = dry_run(std::move(request), environment, session);
  } else {
    TransactionRequest request =
        with_wheels(plan, present, false, runtime_inside(environment.root(), interpreter), goal, session);
    RequestChanges changes = without_pins(manifest.requests, unpinned, session.command_line());
    request.requests = std::move(changes.said);
    request.forget_requests = std::move(changes.forgotten);
    check_commands(request, environment.root(), session.settings().command_places());
    if (!request.install.empty() || !request.mark_requested.empty() || !request.requests.empty()) {
      expect_commands(environment.root(), environment.root(), session.settings().command_places());
      report.take(apply(std::move(request), environment, session));
    }
    show_or_take_back(environment, session.settings().command_places(), [&] {
      if (report.state != manifest.state)
        rollback(environment.root(), manifest.state, session.command_line(), session.settings().durable);
    });
    clones.keep();
  }
  return report;
}

int execute(const UpgradeCommand& command, Session& session) {
  if (is_about_project(session)) {
    report_changes(upgrade_project(command, session), session);
    return 0;
  }
  report_changes(upgrade_packages(command, session), session);
  return 0;
}

}  // namespace moat
