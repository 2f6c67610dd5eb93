// moat sync [LOCK]: makes the environment match the lock.
#include "cli/commands/sync.h"

#include "cli/commands/commands.h"
#include "cli/session/dry_run.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/required_python.h"
#include "cli/session/source_setup.h"
#include "envs/environment/shell_words.h"
#include "envs/install/requests.h"
#include "envs/install/sync_plan.h"
#include "envs/project/project_files.h"
#include "envs/project/project_stamp.h"
#include "envs/project/workspace.h"
#include "fetch/os/file.h"
#include "fetch/os/ownership.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"
#include "resolver/lock/lock_changes.h"
#include "resolver/lock/lockfile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <variant>

namespace moat {
namespace {

// A lock found by default must be a regular file, and one that moat obeys (is_obeyed).
void check_found_lock(const fs::path& path, const Settings& settings) {
  if (std::error_code ignored; !fs::is_regular_file(path, ignored))
    throw Error(ErrorKind::Usage, fmt::format("{} is not a file", path.native()),
                {"`moat sync FILE` names another one"});
  if (!is_obeyed(path, settings.working_directory) && !is_obeyed(path, path.parent_path()))
    throw Error(
        ErrorKind::Usage,
        fmt::format("{} belongs to {}; moat uses it only if you name it", path.native(), owner_of(path)),
        {fmt::format("moat sync {}", path.native())});
}

}  // namespace

fs::path lock_path(const std::optional<std::string>& named, const Settings& settings) {
  if (named) return (settings.working_directory / *named).lexically_normal();
  const std::optional<fs::path> project = project_folder(settings);
  const fs::path folder = project.value_or(settings.working_directory);
  fs::path path = folder / "pylock.toml";
  if (std::error_code ignored; !fs::exists(path, ignored))
    throw Error(ErrorKind::Usage, fmt::format("there is no {}", path.native()),
                {project ? "`moat lock` makes it, or `moat sync FILE` names another one"
                         : "`moat lock -r requirements.txt` makes one, or `moat sync FILE` names another"});
  check_found_lock(path, settings);
  return path;
}

namespace {

// A path without an environment is created. But a name may be a typo, an active environment deleted.
bool may_be_made(const std::optional<ChosenEnvironment>& chosen, const fs::path& root,
                 const Settings& settings) {
  std::error_code error;
  // The creating function reports whatever is in the way at the project's own place.
  if (fs::exists(root, error) && !(fs::is_directory(root, error) && fs::is_empty(root, error)))
    return chosen && chosen->by == ChosenBy::Project;
  if (!chosen || chosen->by == ChosenBy::Project || chosen->by == ChosenBy::User) return true;
  const bool named = chosen->by == ChosenBy::Option || chosen->by == ChosenBy::MoatEnv;
  return named && root.parent_path() != settings.envs_dir();
}

// An environment that the command created is removed again if the command fails.
struct SyncPlace {
  Environment environment;
  UndoFolders made;
};

// If none is found, the one next to the lock's project.
SyncPlace place_for(const SyncCommand& command, const fs::path& lock,
                    const std::optional<SpecifierSet>& of_lock, Session& session) {
  const Settings& settings = session.settings();
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings, ForProject::Yes);
  const fs::path root = chosen ? chosen->root : settings.working_directory / ".venv";
  if (!Environment::exists_at(root) && !command.dry_run && may_be_made(chosen, root, settings)) {
    SyncPlace place{create_and_say(root, session, {}, of_lock), {}};
    place.made.add(root);
    return place;
  }
  SyncPlace place{open_for_change(session, ForProject::Yes), {}};
  check_python_option(place.environment, session);
  const bool lock_of_project = settings.pyproject && settings.pyproject->parent_path() == lock.parent_path();
  if (lock_of_project || (chosen && chosen->by == ChosenBy::Project))
    check_required_python(place.environment, session);
  return place;
}

template <class Name>
std::set<Name> names_of(const std::vector<std::string>& texts, std::string_view option) {
  std::set<Name> out;
  for (const std::string& text : texts) {
    Expected<Name> name = Name::parse(text);
    if (!name)
      throw Error(ErrorKind::Usage, fmt::format("{}: {}: {}", option, quote(text), name.error().message));
    out.insert(std::move(*name));
  }
  return out;
}

// A requirements file pins everything itself: no other packages are looked for.
Goal pinned_goal(const fs::path& path, Session& session) {
  Goal goal = read_goal({}, {path.native()}, {}, session);
  // A file that says that some hashes are missing is a lock of folders and commits as well.
  const bool says_so =
      goal.file_options.require_hashes == false &&
      (!goal.unnamed.empty() ||
       std::any_of(goal.requirements.begin(), goal.requirements.end(), [](const RootRequirement& root) {
         return !root.hashes.empty() || root.requirement.url.has_value();
       }));
  if (!goal.require_hashes && !says_so)
    throw Error(
        ErrorKind::BadInput, fmt::format("{} has no hashes, so it is not a lock", path.native()),
        {fmt::format("`moat lock -r {0}` makes one; `moat install -r {0}` installs without", path.native())});
  return goal;
}

// A pylock.toml, or the goal of a requirements file.
using Lock = std::variant<Pylock, Goal>;

Lock read_lock(const fs::path& path, const SyncCommand& command, Session& session) {
  if (path.extension() == ".toml") return read_pylock(path, session.reporter());
  if (!command.extras.empty() || !command.groups.empty())
    throw Error(ErrorKind::Usage,
                fmt::format("{} is a requirements file, which has no extras or groups", path.native()),
                {"`moat lock -o requirements.txt --group NAME` locks a group along"});
  return pinned_goal(path, session);
}

std::optional<SpecifierSet> required_by(const Lock& lock) {
  const auto* const pylock = std::get_if<Pylock>(&lock);
  return pylock != nullptr ? pylock->requires_python : std::nullopt;
}

struct Wanted {
  Goal goal;
  Resolution resolution;
  UndoFolders clones;
};

// The wanted packages, and why.
struct SyncOrder {
  const Lock& lock;
  fs::path lock_directory;
  LockChoice chosen;
  const SyncCommand& command;
  std::vector<OwnPackage> own;                     // of a workspace: the members that are packages
  std::string project;                             // digest of its files
  std::optional<std::set<PackageName>> only = {};  // with their dependencies; nullopt: everything chosen
  std::set<PackageName> unlocked = {};             // no longer locked: removed even if others may stay
};

// Only its build backend may know the name of a folder. REQUIRES: sources are prepared.
LockedPackage own_entry(const OwnPackage& own, bool editable, const Target& target, Session& session) {
  LockedPackage entry{.name = own.name ? *own.name : ask_backend(own.folder, target, session).metadata.name};
  entry.direct = DirectSource{.kind = DirectSourceKind::Directory};
  entry.direct->path = own.folder.native();
  entry.direct->editable = editable;
  return entry;
}

Wanted wanted_by(const SyncOrder& order, const Environment& environment, const Present& present,
                 Session& session) {
  const Target target = target_of(environment.interpreter());
  std::vector<SelectedPackage> selected;
  Wanted wanted;
  const auto* const pylock = std::get_if<Pylock>(&order.lock);
  if (pylock != nullptr) {
    selected = select_packages(*pylock, target, order.chosen.extras, order.chosen.groups);
    if (order.only) keep_needed(selected, *order.only);
    wanted.goal = locked_goal(selected);
  } else {
    wanted.goal = std::get<Goal>(order.lock);
  }
  wanted.clones =
      prepare_sources(wanted.goal, environment.interpreter(), session, environment, order.command.dry_run);
  if (pylock == nullptr) {
    wanted.resolution = resolve_goal(wanted.goal, {.no_deps = true}, target, present.versions, session);
    return wanted;
  }
  std::vector<LockedPackage> own;
  own.reserve(order.own.size());
  for (const OwnPackage& one : order.own) {
    own.push_back(own_entry(one, !order.command.no_editable, target, session));
    selected.push_back({&own.back(), nullptr});
    if (own.back().direct->editable) wanted.goal.editables.insert(own.back().name);
    wanted.goal.requirements.push_back({Requirement::parse(own.back().name.display()).value(), {}, {}});
  }
  wanted.resolution = locked_resolution(selected, order.lock_directory, session);
  return wanted;
}

ChangeReport sync_to(const SyncOrder& order, SyncPlace& place, StagedFiles& files, Session& session) {
  const SyncCommand& command = order.command;
  const Environment& environment = place.environment;
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const Present present = Present::of(environment, installed);
  const std::optional<ProjectStamp> stamp =
      order.own.empty() ? std::optional<ProjectStamp>() : read_stamp(environment.root());

  Wanted wanted = wanted_by(order, environment, present, session);
  InstallPlan plan = plan_install(wanted.goal, wanted.resolution, present, false);
  if (stamp && stamp->project == order.project)
    for (const OwnPackage& own : order.own) drop_current(plan, own.folder, present);
  // The files that the project is built from must be there; if anything fails from here on, they are removed.
  if (!order.own.empty() && !command.dry_run) files.place();
  TransactionRequest request =
      command.dry_run
          ? with_stored_wheels(plan, session.store())
          : with_wheels(plan, present, false, runtime_inside(environment.root(), environment.interpreter()),
                        wanted.goal, session);
  // From here on every wheel is verified and in the store.
  for (const PackageName& name : strays(installed, wanted.resolution))
    if (!command.inexact || order.unlocked.count(name) != 0) request.remove.insert(name);
  request.forget_requests =
      contradicted(present.requests, wanted.resolution, target_of(environment.interpreter()));

  ChangeReport report{.environment = environment.root(),
                      .state = environment.manifest_without_files().state,
                      .dry_run = command.dry_run,
                      .created = !place.made.empty(),
                      .nothing = "the environment matches the lock"};
  report.take_files(plan);
  if (command.dry_run) {
    report.operations = dry_run(std::move(request), environment, session);
    return report;
  }
  if (!request.install.empty() || !request.remove.empty() || !request.mark_requested.empty()) {
    request.before_commit = [&files] { files.place(); };
    report.take(apply(std::move(request), environment, session));
  }
  files.keep();
  wanted.clones.keep();
  place.made.keep();
  return report;
}

// The packages of the existing lock that the new one lacks.
std::set<PackageName> unlocked_by(const MadeLock& made) {
  if (!made.was || !made.differs) return {};
  return gone_packages(*made.was, *made.lock);
}

std::vector<OwnPackage> own_of(const SyncCommand& command, const Settings& settings) {
  const bool left_out = command.no_project || !command.only_groups.empty();
  return left_out ? std::vector<OwnPackage>() : own_packages(settings);
}

// In a workspace: the member, the members it requires, and their requirements.
void choose_member(const std::string& name, SyncOrder& order, Session& session) {
  const Goal goal;
  const AskBackend ask = backend_asker(
      goal, [&session] { return interpreter_here(session); }, session);
  MemberNeeds needs =
      needs_of_member(name, order.chosen.extras, *order.chosen.groups, session.settings(), ask);
  order.only = std::move(needs.names);
  std::erase_if(order.own, [&](const OwnPackage& own) { return !needs.folders.contains(own.folder); });
}

// The choices besides the files, for the stamp.
std::string choice_text(const SyncCommand& command, const Settings& settings) {
  // A lock that was not compared with its inputs is not known to be up to date.
  std::string text = fmt::format("{} {} {} {} {}", command.no_project, command.no_editable,
                                 command.all_extras, command.no_default_groups, command.frozen);
  for (const auto& [word, names] : {std::pair{"extra", &command.extras}, std::pair{"group", &command.groups},
                                    std::pair{"only", &command.only_groups}})
    for (const std::string& name : *names) text += fmt::format(" {} {}", word, normalize_name(name));
  if (command.package) text += " package " + normalize_name(*command.package);
  return text + (settings.python_is_option ? " -p " + *settings.python : "");
}

bool is_up_to_date(const SyncCommand& command, const fs::path& environment, Session& session) {
  const Settings& settings = session.settings();
  return Environment::exists_at(environment) &&
         is_synced(environment, command.inexact, choice_text(command, settings), settings);
}

void check_options_of_project(const SyncCommand& command) {
  const bool of_project = command.all_extras || command.no_default_groups || command.no_project ||
                          command.no_editable || command.locked || command.frozen ||
                          !command.only_groups.empty();
  if (of_project)
    throw Error(
        ErrorKind::Usage,
        "`--locked`, `--frozen`, `--all-extras`, `--only-group` and `--no-…` are about a project's lock",
        {"without LOCK, in a folder with a pyproject.toml, `moat sync` takes the project's"});
}

// For the report of a project with nothing to do.
ChangeReport unchanged_project(const Settings& settings) {
  const fs::path root = require_environment(settings, ForProject::Yes).root;
  return {.environment = root,
          .operations = {},
          .state = Environment::open(root).manifest_without_files().state,
          .nothing = "the environment is up to date",
          .warnings = {},
          .files = {}};
}

// Checked before resolving: does the Python match?
void check_python(const std::optional<ChosenEnvironment>& chosen, bool to_run, Session& session) {
  if (!chosen || !Environment::exists_at(chosen->root)) {
    project_python(session);
    return;
  }
  const Environment environment = Environment::open(chosen->root, Environment::Foreign::Allowed);
  check_python_option(environment, session);
  if (chosen->by == ChosenBy::Project)
    check_required_python(environment, session,
                          !to_run ? std::string()
                                  : fmt::format("`moat run --env {} …` runs in it anyway",
                                                shell_word(environment.root().native())));
}

// A lock exists to detect that an index serves other bytes. Accepting those needs an explicit option.
void check_hashes_hold(const MadeLock& made) {
  if (!made.was || !made.differs) return;
  if (const std::optional<ChangedHash> changed = changed_hash(*made.was, *made.lock))
    throw Error(
        ErrorKind::HashMismatch,
        fmt::format("{}: {} has {}, and the index has {}", changed->file, made.path.native(),
                    changed->was.to_string(), changed->is.to_string()),
        {"`moat lock` takes what the index has now; `moat sync --frozen` installs by the lock alone"});
}

}  // namespace

Pylock read_pylock(const fs::path& path, Reporter& reporter) {
  std::vector<std::string> warnings;
  Expected<Pylock> lock = parse_pylock(read_named_file(path), path.filename().native(), &warnings);
  if (!lock) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), lock.error().message));
  for (const std::string& warning : warnings) reporter.warn(warning);
  return std::move(*lock);
}

std::set<GroupName> LockChoice::all_groups(const Pylock& lock) const {
  if (groups) return *groups;
  std::set<GroupName> out;
  for (const std::string& text : lock.default_groups)
    if (Expected<GroupName> group = GroupName::parse(text)) out.insert(std::move(*group));
  return out;
}

LockChoice choice_of(const SyncCommand& command) {
  const auto groups = names_of<GroupName>(command.groups, "--group");
  return {names_of<ExtraName>(command.extras, "--extra"),
          groups.empty() ? std::nullopt : std::optional(groups)};
}

// In a project the default groups are installed unless they are left out. A lock without groups always has
// them.
LockChoice choice_of_project(const SyncCommand& command, const Pylock& lock, const Settings& settings) {
  LockChoice chosen{names_of<ExtraName>(command.extras, "--extra"),
                    names_of<GroupName>(command.groups, "--group")};
  chosen.groups->merge(names_of<GroupName>(command.only_groups, "--only-group"));
  if (command.all_extras) chosen.extras.insert(lock.extras.begin(), lock.extras.end());
  if (!command.no_default_groups && command.only_groups.empty())
    for (GroupName& group : default_groups(settings))
      if (std::find(lock.dependency_groups.begin(), lock.dependency_groups.end(), group) !=
          lock.dependency_groups.end())
        chosen.groups->insert(std::move(group));
  return chosen;
}

FolderLock lock_project(Session& session) {
  constexpr std::chrono::minutes kPatience{10};
  const Settings& settings = session.settings();
  FolderLock alone = FolderLock::acquire(*project_folder(settings), kPatience);
  for (const auto& edited : {settings.pyproject, settings.member, std::optional(project_lock_path(settings))})
    if (edited) sweep_staged(*edited);
  if (settings.pyproject) session.take_project_text(read_file(*settings.pyproject));
  if (settings.member) session.take_member_text(read_file(*settings.member));
  return alone;
}

bool is_in_project(const Settings& settings) {
  return project_folder(settings) && describes_project(settings);
}

MadeLock project_lock(const SyncCommand& command, Session& session, LockCommand how, const Pylock* kept,
                      bool has_changed) {
  const Settings& settings = session.settings();
  const fs::path path = how.script ? script_lock_path(*settings.script) : project_lock_path(settings);
  if (is_there(path)) check_found_lock(path, session.settings());
  const std::optional<std::string> text = read_file_if_exists(path);
  const auto as_it_is = [&] {
    return MadeLock{.path = path,
                    .lock = LockDocument(read_pylock(path, session.reporter())),
                    .text = *text,
                    .before = *text,
                    .differs = false};
  };
  if (command.frozen) {
    if (!text)
      throw Error(ErrorKind::Usage, fmt::format("there is no {}", path.native()), {"`moat lock` makes it"});
    return as_it_is();
  }
  if (!how.script)
    for (const GroupName& group : default_groups(settings)) how.groups.push_back(group.normalized());
  const bool keeps = kept == nullptr && !has_changed && !how.upgrade && how.upgrade_packages.empty();
  const auto faults = text && keeps ? lock_faults(how, session) : std::nullopt;
  if (faults && faults->empty()) return as_it_is();
  const auto out_of_date = [&] {
    return Error(
        ErrorKind::Refused,
        text ? fmt::format("{} is not up to date with {}", path.native(),
                           how.script.value_or("pyproject.toml"))
             : fmt::format("there is no {}", path.native()),
        {how.script ? fmt::format("`moat lock --script {}` brings it up to date", shell_word(*how.script))
                    : "`moat lock` brings it up to date"},
        faults.value_or(std::vector<std::string>()));
  };
  if (command.locked && (faults || !text)) throw out_of_date();
  MadeLock made = make_lock(how, session, kept);
  if (command.locked && made.differs) throw out_of_date();
  check_hashes_hold(made);
  return made;
}

ChangeReport sync_project(const SyncCommand& command, const MadeLock& made, StagedFiles& files,
                          Session& session) {
  const Settings& settings = session.settings();
  if (made.differs && !command.dry_run) files.add(made.path, made.text, made.before);
  const Lock lock = *made.lock;
  const std::string project = project_digest(*project_folder(settings), settings);
  SyncOrder order{.lock = lock,
                  .lock_directory = made.path.parent_path(),
                  .chosen = choice_of_project(command, *made.lock, settings),
                  .command = command,
                  .own = own_of(command, settings),
                  .project = project,
                  .unlocked = unlocked_by(made)};
  if (command.package) choose_member(*command.package, order, session);
  SyncPlace place = place_for(command, made.path, made.lock->requires_python, session);
  ChangeReport report = sync_to(order, place, files, session);
  if (!command.dry_run)
    write_stamp(place.environment.root(),
                {.inputs = inputs_digest(project, made.text, choice_text(command, settings)),
                 .project = order.own.empty() ? "" : project,
                 .manifest = manifest_mark(place.environment.root()),
                 .exact = !command.inexact});
  return report;
}

std::optional<ChangeReport> update_project(const SyncCommand& command, Session& session) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(session.settings(), ForProject::Yes);
  const auto is_done = [&] {
    return chosen && !session.settings().python_is_option && is_up_to_date(command, chosen->root, session);
  };
  if (is_done()) return std::nullopt;
  const FolderLock alone = lock_project(session);
  if (is_done()) return std::nullopt;  // another command was faster
  check_python(chosen, command.inexact, session);
  const MadeLock made = project_lock(command, session);
  StagedFiles files(session.reporter());
  return sync_project(command, made, files, session);
}

ChangeReport sync_named_lock(const SyncCommand& command, Session& session) {
  check_options_of_project(command);
  const fs::path path = lock_path(command.lock, session.settings());
  const Lock lock = read_lock(path, command, session);
  SyncPlace place = place_for(command, path, required_by(lock), session);
  StagedFiles none(session.reporter());
  return sync_to({.lock = lock,
                  .lock_directory = path.parent_path(),
                  .chosen = choice_of(command),
                  .command = command,
                  .own = {},
                  .project = {}},
                 place, none, session);
}

int execute(const SyncCommand& command, Session& session) {
  if (!command.lock && is_in_project(session.settings())) {
    const std::optional<ChangeReport> report = update_project(command, session);
    if (report)
      report_changes(*report, session);
    else
      report_changes(unchanged_project(session.settings()), session);
    return 0;
  }
  report_changes(sync_named_lock(command, session), session);
  return 0;
}

}  // namespace moat
