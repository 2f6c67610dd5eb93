// moat sync [LOCK]: the environment becomes what the lock says.
#include "cli/commands/sync.h"

#include "cli/changes.h"
#include "cli/commands/commands.h"
#include "cli/install_pipeline.h"
#include "cli/locked_resolution.h"
#include "cli/open_env.h"
#include "cli/project_files.h"
#include "cli/requests.h"
#include "cli/required_python.h"
#include "cli/source_setup.h"
#include "fetch/os/file.h"
#include "fetch/os/ownership.h"
#include "resolver/base/text.h"
#include "resolver/lockfile.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <variant>

namespace moat {

fs::path lock_path(const std::optional<std::string>& named, const Settings& settings) {
  if (named) return (settings.working_directory / *named).lexically_normal();
  const std::optional<fs::path> project = project_folder(settings);
  const fs::path folder = project.value_or(settings.working_directory);
  fs::path path = folder / "pylock.toml";
  if (std::error_code ignored; !fs::exists(path, ignored))
    throw Error(ErrorKind::Usage, fmt::format("there is no {}", path.native()),
                {project ? "`moat lock` makes it, or `moat sync FILE` names another one"
                         : "`moat lock -r requirements.txt` makes one, or `moat sync FILE` names another"});
  if (std::error_code ignored; !fs::is_regular_file(path, ignored))
    throw Error(ErrorKind::Usage, fmt::format("{} is not a file", path.native()),
                {"`moat sync FILE` names another one"});
  if (!is_obeyed(path, settings.working_directory) && !is_obeyed(path, folder))
    throw Error(
        ErrorKind::Usage,
        fmt::format("{} belongs to {}; moat uses it only if you name it", path.native(), owner_of(path)),
        {fmt::format("moat sync {}", path.native())});
  return path;
}

Pylock read_pylock(const fs::path& path, Session& session) {
  std::vector<std::string> warnings;
  Expected<Pylock> lock = parse_pylock(read_named_file(path), path.filename().native(), &warnings);
  if (!lock) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), lock.error().message));
  for (const std::string& warning : warnings) session.reporter().warn(warning);
  return std::move(*lock);
}

namespace {

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

}  // namespace

std::vector<SelectedPackage> select_packages(const Pylock& lock, const std::vector<std::string>& extras,
                                             const std::vector<std::string>& groups, const Target& target) {
  const auto named_groups = names_of<GroupName>(groups, "--group");
  return select_packages(lock, target, names_of<ExtraName>(extras, "--extra"),
                         named_groups.empty() ? std::nullopt : std::optional(named_groups));
}

namespace {

// A path is made where nothing lies there. A name may be a slip of the hand, an active environment is gone.
bool may_be_made(const std::optional<ChosenEnvironment>& chosen, const fs::path& root,
                 const Settings& settings) {
  std::error_code error;
  if (fs::exists(root, error) && !(fs::is_directory(root, error) && fs::is_empty(root, error))) return false;
  if (!chosen || chosen->by == ChosenBy::Project || chosen->by == ChosenBy::User) return true;
  const bool named = chosen->by == ChosenBy::Option || chosen->by == ChosenBy::MoatEnv;
  return named && root.parent_path() != settings.envs_dir();
}

// An environment that the command made itself goes again where the command fails.
struct SyncPlace {
  Environment environment;
  NewFolders made;
};

// Where nothing is found, one beside the lock's project.
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

// A requirements file pins everything itself: nothing is looked for beyond it.
Goal pinned_goal(const fs::path& path, Session& session) {
  Goal goal = read_goal({}, {path.native()}, {}, session);
  // What says that not all of it has hashes is a lock of folders and commits, too.
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
  if (path.extension() == ".toml") return read_pylock(path, session);
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
  NewFolders clones;
};

Wanted wanted_by(const Lock& lock, const fs::path& lock_directory, const SyncCommand& command,
                 const Environment& environment, const Present& present, Session& session) {
  const Target target = target_of(environment.interpreter());
  std::vector<SelectedPackage> selected;
  Wanted wanted;
  const auto* const pylock = std::get_if<Pylock>(&lock);
  if (pylock != nullptr) {
    selected = select_packages(*pylock, command.extras, command.groups, target);
    wanted.goal = locked_goal(selected);
  } else {
    wanted.goal = std::get<Goal>(lock);
  }
  wanted.clones =
      prepare_sources(wanted.goal, environment.interpreter(), session, environment, command.dry_run);
  wanted.resolution = pylock != nullptr
                          ? locked_resolution(selected, lock_directory, session)
                          : resolve_goal(wanted.goal, {.no_deps = true}, target, present.versions, session);
  return wanted;
}

// What is there and not in the lock.
std::set<PackageName> strays(const InstalledDistributions& installed, const Resolution& resolution) {
  std::set<PackageName> names;
  for (const InstalledDistribution& distribution : installed.all) names.insert(distribution.name);
  for (const ResolvedPackage& package : resolution.packages) names.erase(package.name);
  return names;
}

}  // namespace

int execute(const SyncCommand& command, Session& session) {
  const fs::path path = lock_path(command.lock, session.settings());
  const Lock lock = read_lock(path, command, session);

  SyncPlace place = place_for(command, path, required_by(lock), session);
  const Environment& environment = place.environment;
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const Present present = Present::of(environment, installed);

  Wanted wanted = wanted_by(lock, path.parent_path(), command, environment, present, session);
  const InstallPlan plan = plan_install(wanted.goal, wanted.resolution, present, false);
  TransactionRequest request =
      command.dry_run ? without_wheels(plan)
                      : with_wheels(plan, present, false,
                                    runtime_inside(environment.root(), environment.interpreter()), session);
  // From here on every wheel is verified and in the store.
  if (!command.inexact) request.remove = strays(installed, wanted.resolution);
  request.forget_requests =
      contradicted(present.requests, wanted.resolution, target_of(environment.interpreter()));

  ChangeReport report{.environment = environment.root(),
                      .state = environment.manifest_without_files().state,
                      .dry_run = command.dry_run,
                      .created = !place.made.empty(),
                      .nothing = "the environment matches the lock"};
  report.take_files(plan);
  if (command.dry_run) {
    report.operations = plan_operations(installed, request);
  } else if (!request.install.empty() || !request.remove.empty() || !request.mark_requested.empty()) {
    report.take(apply(std::move(request), environment, session));
  }
  wanted.clones.keep();
  place.made.keep();
  report_changes(report, session);
  return 0;
}

}  // namespace moat
