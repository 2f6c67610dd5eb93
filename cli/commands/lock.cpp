// moat lock: requirements → pylock.toml, every file pinned with its hash.
#include "cli/commands/lock.h"

#include "cli/commands/commands.h"
#include "cli/commands/earlier_lock.h"
#include "cli/commands/left_out_targets.h"
#include "cli/session/environment_facts.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/required_python.h"
#include "cli/session/source_setup.h"
#include "cli/session/tools.h"
#include "envs/environment/shell_words.h"
#include "envs/install/foreign_builds.h"
#include "envs/install/lock_hashes.h"
#include "envs/install/lock_targets.h"
#include "envs/install/rooted_lines.h"
#include "envs/project/project_conflicts.h"
#include "envs/project/project_files.h"
#include "envs/project/workspace.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/lock/input_differences.h"
#include "resolver/lock/lock_changes.h"
#include "resolver/lock/lock_merge.h"
#include "resolver/lock/lock_space.h"
#include "resolver/lock/lock_worlds.h"
#include "resolver/lock/lockfile.h"
#include "resolver/lock/requirements_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace moat {
namespace {

LockForm form_of(const LockCommand& command) {
  const bool text_file = command.output && fs::path(*command.output).extension() == ".txt";
  const std::string name = command.format.value_or(text_file ? "requirements" : "pylock");
  if (name == "pylock") return LockForm::Pylock;
  if (name == "requirements") return LockForm::Requirements;
  throw Error(ErrorKind::Usage,
              fmt::format("--format: {} must be one of: pylock, requirements", quote(name)));
}

// Other tools, and moat, would refuse a lock with another name.
void check_lock_name(const LockCommand& command, const Settings& settings) {
  std::error_code gone;
  const fs::file_status there = fs::status(settings.working_directory / *command.output, gone);
  if (fs::exists(there) && !fs::is_regular_file(there)) return;  // /dev/stdout, a pipe
  const fs::path output = *command.output;
  const std::string name = output.filename();
  if (form_of(command) != LockForm::Pylock || is_lock_name(name)) return;
  std::string stem = output.stem().native();
  if (stem.starts_with("pylock.")) stem.erase(0, std::string_view("pylock.").size());
  std::ranges::replace(stem, '.', '-');
  const std::string valid = stem.empty() ? "pylock.toml" : "pylock." + stem + ".toml";
  throw Error(ErrorKind::Usage,
              fmt::format("a lock is called pylock.toml or pylock.NAME.toml, not {}", quote(name)),
              {fmt::format("`-o {}`", shell_word((output.parent_path() / valid).native())),
               fmt::format("`--format requirements -o {}` writes a requirements file with hashes",
                           shell_word(output.native()))});
}

fs::path lock_path(const LockCommand& command, const Settings& settings) {
  if (command.output == "-") return "/dev/stdout";
  if (command.output) {
    check_lock_name(command, settings);
    return settings.working_directory / *command.output;
  }
  if (form_of(command) == LockForm::Requirements)
    throw Error(ErrorKind::Usage, "`--format requirements` requires a file name",
                {"moat lock -r requirements.in -o requirements.txt"});
  if (command.script) return script_lock_path(*settings.script);
  const std::optional<fs::path> project =
      command.requirement_files.empty() ? project_folder(settings) : std::nullopt;
  return project.value_or(settings.working_directory) / "pylock.toml";
}

// --python, else the environment found here if its Python suits the project, else the default.
Interpreter interpreter_for(const LockCommand& command, Session& session,
                            const std::optional<SpecifierSet>& project) {
  const Settings& settings = session.settings();
  // If another Python is the target, this one only runs builds.
  const std::optional<SpecifierSet> required = command.python_versions.empty() ? project : std::nullopt;
  if (settings.env && settings.python_is_option)
    throw Error(ErrorKind::Usage,
                "`--env` and `-p` cannot be used together: both say which Python to lock for");
  // The environment found here is the project's, and a script has none.
  if (command.script && !settings.env) return session.chosen_interpreter(required);
  const auto chosen = choose_environment(settings, ForProject::Yes);
  if ((settings.python && !settings.env) || !chosen || !Environment::exists_at(chosen->root))
    return session.chosen_interpreter(required);
  const Environment environment = Environment::open(chosen->root, Environment::Foreign::Allowed);
  Interpreter python = interpreter_like(environment, session);
  if (settings.env || !required || admits(*required, python)) return python;
  Interpreter other = session.chosen_interpreter(required);
  session.output().warn(fmt::format("{} has Python {}, but the project requires Python {}: locking for {}",
                                    environment.root().native(), python.version, required->to_string(),
                                    other.version));
  return other;
}

// A lock for a Python that the project excludes would be useless.
void check_target(const Target& target, const std::optional<SpecifierSet>& required) {
  if (!required || required->contains(target.python)) return;
  const std::string python = shell_word(required->to_string());
  throw Error(ErrorKind::NoInterpreter,
              fmt::format("the project requires Python {}, but the lock would be for {}",
                          required->to_string(), target.description),
              {fmt::format("`moat lock -p {}` selects one that meets it", python)});
}

Target target_for(const LockCommand& command, const Interpreter& here) {
  if (command.python_versions.empty() && command.platforms.empty()) return target_of(here);
  const std::string version =
      command.python_versions.empty() ? here.version : command.python_versions.front();
  Expected<Target> target = foreign_target(version, command.platforms, &here);
  if (!target)
    throw Error(ErrorKind::Usage, target.error().message,
                {"--python-version 3.12 --platform manylinux_2_28_x86_64"});
  return std::move(*target);
}

// Sources are best built by the Python that the lock is for; if it is not installed, by this one.
Interpreter builder_for(const Target& target, const Interpreter& here, Session& session) {
  const std::string& version = target.environment.python_version;
  if (here.major_minor() == version || session.settings().no_build) return here;
  try {
    return find_interpreter(here.implementation + "@" + version, session.discovery(), session.store());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::NoInterpreter) throw;
    return here;
  }
}

// `PATH/pyproject.toml:NAME`, with its path made relative to another folder.
std::string group_seen_from(const std::string& group, const fs::path& from, const fs::path& to) {
  const std::size_t colon = group.rfind(':');
  if (colon == std::string::npos) return group;
  return (from / group.substr(0, colon)).lexically_normal().lexically_proximate(to).generic_string() +
         group.substr(colon);
}

// --group; else those of the existing lock: a missing option must not drop locked groups.
std::vector<std::string> groups_for(const LockCommand& command, const EarlierLock& earlier,
                                    const fs::path& path, Session& session) {
  if (!command.groups.empty() || command.no_groups || earlier.groups.empty()) return command.groups;
  std::vector<std::string> groups;
  for (const std::string& group : earlier.groups)
    groups.push_back(group_seen_from(group, path.parent_path(), session.settings().working_directory));
  session.output().say(fmt::format(
      "keeping the groups of the existing lock: {} (`--no-groups` leaves them out)", join(groups, ", ")));
  return groups;
}

ResolvePolicy policy_of(const LockCommand& command) {
  ResolvePolicy policy{.upgrade = command.upgrade};
  for (const std::string& name : command.upgrade_packages)
    policy.upgrade_packages.insert(parse_package_name(name));
  return policy;
}

// Builds sources for a target that may be another machine. From the first call on sources can be asked.
class LockBuilds {
 public:
  LockBuilds(const Target& target, Interpreter builder, Session& session)
      : target_(target), builder_(std::move(builder)), session_(session) {}

  void prepare(Goal& goal) {
    prepare_sources(goal, builder_, session_, std::nullopt, true);
    SourcePolicy& sources = session_.sources().policy;
    if (const Target here = target_of(builder_); sources.builder != nullptr && is_foreign(here, target_))
      sources.builder = &foreign_.emplace(*sources.builder, here, target_, session_.reporter());
  }

  // The dependencies of the project are asked for with the indexes of `goal`.
  AskBackend asker(const Goal& goal) {
    return [this, &goal](const fs::path& folder) {
      Goal options{.file_options = goal.file_options};
      prepare(options);
      return ask_backend(folder, target_, session_);
    };
  }

 private:
  const Target& target_;
  const Interpreter builder_;
  Session& session_;
  std::optional<ForeignBuilds> foreign_;
};

// The project's own lines. → its requires-python. Error(BadInput or Usage) if there are none here.
std::optional<SpecifierSet> add_project(bool has_groups, const AskBackend& ask, Goal& goal,
                                        Session& session) {
  const Settings& settings = session.settings();
  const std::optional<fs::path> folder = project_folder(settings);
  if (!folder)
    throw Error(ErrorKind::Usage,
                "there is no project here to lock: no pyproject.toml, setup.py or setup.cfg",
                {"`moat lock -r requirements.txt` locks what a file asks for"});
  const ProjectFacts project = read_workspace(settings, ask);
  // Groups alone need no project (PEP 735).
  if (!project.dependencies && !has_groups)
    throw Error(
        ErrorKind::BadInput,
        fmt::format("{} does not describe a project: it has no [project] and no [build-system], and there is "
                    "no setup.py or setup.cfg",
                    (*folder / "pyproject.toml").native()),
        {"`dependencies` of [project] is where requirements go",
         "`moat lock -r requirements.txt` locks what a file asks for"});
  if (project.dependencies) add_lines(*project.dependencies, goal, session);
  return project.requires_python;
}

// The inputs of a lock, and what it replaces.
struct LockOrder {
  const LockCommand& command;
  fs::path path;
  EarlierLock earlier;
  std::vector<std::string> groups;  // --group
  bool of_project = false;
  const Script* script = nullptr;
  std::optional<SpecifierSet> required;  // requires-python of the project, or the script

  Interpreter interpreter;

  // Is it a lock for every target by default?
  bool is_for_all() const { return of_project || script != nullptr; }
};

// The named groups, relative to the lock's folder.
std::vector<std::string> groups_from_lock(const LockOrder& order, const Session& session) {
  std::vector<std::string> out;
  for (const std::string& group : order.groups)
    out.push_back(group_seen_from(group, session.settings().working_directory, order.path.parent_path()));
  return out;
}

Pylock lock_for_one(const LockOrder& order, Goal& goal, Session& session) {
  const Target target = target_for(order.command, order.interpreter);
  check_target(target, order.required);

  // The requirements of the files, or of the project; those of groups are added to either.
  LockBuilds builds(target, builder_for(target, order.interpreter, session), session);
  if (order.of_project)
    check_target(target, add_project(!order.groups.empty(), builds.asker(goal), goal, session));
  if (order.script != nullptr) add_lines(order.script->lines(), goal, session);
  add_lines(read_groups(order.groups, session.settings(), builds.asker(goal)), goal, session);
  // Hashes in the input are enforced, but missing ones are no error: the lock will contain them.
  goal.require_hashes = goal.file_options.require_hashes.value_or(false);
  builds.prepare(goal);
  const ResolvePolicy policy = policy_of(order.command);
  Resolution resolution = resolve_goal(goal, policy, target, order.earlier.versions, session);
  check_upgrades(policy, resolution, order.earlier.versions);
  for (const std::string& note : resolution.notes) session.reporter().warn(note);
  learn_missing_hashes(resolution, target, tools_for(goal, session));

  Pylock lock = lock_resolution(
      resolution, target, {.lock_directory = order.path.parent_path().native(), .editables = goal.editables});
  lock.locked_groups = groups_from_lock(order, session);
  return lock;
}

// The locked versions for a choice in an environment, without those to be upgraded.
std::function<std::map<PackageName, Version>(const MarkerEnvironment&)> kept_versions(
    const EarlierLock& earlier, const ResolvePolicy& policy, WorldChoice choice) {
  if (!earlier.pylock || policy.upgrade) return {};
  const Pylock& lock = *earlier.pylock;
  return [&lock, &policy, choice = std::move(choice)](const MarkerEnvironment& environment) {
    std::map<PackageName, Version> out;
    for (const LockedPackage& package : lock.packages)
      if (package.version && !policy.upgrade_packages.contains(package.name) &&
          (!package.marker || package.marker->evaluate(environment, choice.extras, choice.groups)))
        out.emplace(package.name, *package.version);
    return out;
  };
}

// The project's extras and groups are added to its dependencies, each under its own root.
ProjectChoices add_choices(const LockOrder& order, const AskBackend& ask, Goal& goal, RootedLines& lines,
                           Session& session) {
  const Settings& settings = session.settings();
  ProjectChoices choices;
  if (order.of_project) choices = read_workspace_choices(settings, ask);
  for (const auto& [name, of_extra] : choices.extras) {
    add_lines(of_extra, goal, session);
    lines.close({LockRoot::Kind::Extra, name}, goal);
  }
  for (const auto& [name, of_group] : choices.groups) {
    add_lines(of_group, goal, session);
    lines.close({LockRoot::Kind::Group, name}, goal);
  }
  for (const std::string& group : order.groups) {
    const auto name = GroupName::parse(group.substr(group.rfind(':') + 1));
    if (name && choices.groups.contains(name->normalized())) continue;  // also one that only a member has
    add_lines(read_groups({group}, settings, ask), goal, session);
    lines.close({LockRoot::Kind::Group, name->normalized()}, goal);
  }
  return choices;
}

// The packages of all targets, as for one target that accepts any file.
void learn_hashes(UniversalResolution& resolution, const Target& here, const Tools& tools) {
  Target anywhere = here;
  anywhere.tags = TagSet::anything();
  Resolution packages;
  for (UniversalPackage& one : resolution.packages) packages.packages.push_back(std::move(one.package));
  learn_missing_hashes(packages, anywhere, tools);
  for (std::size_t i = 0; i < packages.packages.size(); ++i)
    resolution.packages[i].package = std::move(packages.packages[i]);
}

// All lines of a lock for several targets, as they are now.
LockedInputs gather(const LockOrder& order, const LockSpace& space, LockBuilds& builds, const Target& here,
                    Goal& goal, RootedLines& lines, Session& session) {
  const AskBackend ask = builds.asker(goal);
  const bool has_groups =
      order.of_project && (!order.groups.empty() || !project_groups(session.settings()).empty());
  if (order.of_project) {
    const std::optional<SpecifierSet> required = add_project(has_groups, ask, goal, session);
    // If Pythons are named, the one here only builds. A build may have told requires-python only now.
    if (order.command.python_versions.empty())
      check_target(here, required);
    else
      for (const LockTarget& one : space.targets) check_target(one.target, required);
  }
  if (order.script != nullptr) add_lines(order.script->lines(), goal, session);
  lines.close({}, goal);
  const ProjectChoices choices = add_choices(order, ask, goal, lines, session);
  LockedInputs inputs = lines.inputs(goal);
  if (order.of_project) inputs.conflicts = read_conflicts(session.settings(), choices);
  inputs.targets = space.platforms;
  for (auto python = space.pythons.rbegin(); python != space.pythons.rend(); ++python)
    inputs.pythons.push_back(python->to_string());
  inputs.universal = space.is_universal;
  if (order.of_project)
    for (const GroupName& group : default_groups(session.settings()))
      inputs.default_groups.push_back(group.normalized());
  return inputs;
}

// Files for other platforms are accepted only if all platforms are covered and none was named.
bool must_install(const LockSpace& space) { return space.is_declared || !space.is_universal; }

// From here on targets without an answer are left out of the lock.
void leave_out(LockSpace& space, const std::vector<LeftOutTarget>& left_out, const EarlierLock& earlier,
               Session& session) {
  for (const LeftOutTarget& one : left_out) space.left_out.insert(one.place);
  if (earlier.pylock && earlier.pylock->environments == environments_of(space)) return;  // reported before
  for (const std::string& warning : left_out_warnings(space, left_out)) session.reporter().warn(warning);
}

// The versions chosen for another world, unless they are locked otherwise.
void prefer_also(UniversalRequest& request, const Pylock& chosen) {
  request.preferences = [before = request.preferences, chosen](const MarkerEnvironment& environment) {
    std::map<PackageName, Version> out;
    if (before) out = before(environment);
    const std::set<ExtraName> extras(chosen.extras.begin(), chosen.extras.end());
    const std::set<GroupName> groups(chosen.dependency_groups.begin(), chosen.dependency_groups.end());
    for (const LockedPackage& package : chosen.packages)
      if (package.version && (!package.marker || package.marker->evaluate(environment, extras, groups)))
        out.emplace(package.name, *package.version);
    return out;
  };
}

// Each choice that `conflicts` allows is resolved separately; most projects have only one.
Pylock locked_worlds(const LockOrder& order, LockSpace& space, const Goal& goal, const ResolvePolicy& policy,
                     UniversalRequest& request, const std::vector<RootSet>& conflicts, Session& session) {
  const std::vector<RootSet> worlds = worlds_of(request.roots.size(), conflicts);
  const Target here = target_of(order.interpreter);
  std::vector<Pylock> locks;
  std::vector<LeftOutTarget> left_out;
  Resolution all;  // packages of every world
  for (const RootSet& world : worlds) {
    UniversalRequest one = request;
    one.only_roots = worlds.size() > 1 ? std::optional<std::set<std::size_t>>(world) : std::nullopt;
    one.preferences = kept_versions(order.earlier, policy, choice_of(world, request.roots));
    if (!locks.empty()) prefer_also(one, locks.back());
    UniversalResolution resolution = resolve_everywhere(goal, policy, one, session);
    for (const std::string& note : resolution.notes) session.reporter().warn(note);
    for (const LeftOutTarget& target : resolution.left_out)
      if (std::none_of(left_out.begin(), left_out.end(),
                       [&](const LeftOutTarget& other) { return other.place == target.place; }))
        left_out.push_back(target);
    learn_hashes(resolution, here, tools_for(goal, session));
    for (const UniversalPackage& package : resolution.packages) all.packages.push_back(package.package);
    locks.push_back(lock_universal(
        one, resolution, {.lock_directory = order.path.parent_path().native(), .editables = goal.editables}));
  }
  leave_out(space, left_out, order.earlier, session);
  check_upgrades(policy, all, order.earlier.versions);
  return worlds.size() == 1 ? std::move(locks.front()) : join_worlds(locks, worlds, conflicts, request.roots);
}

Pylock lock_for_all(const LockOrder& order, LockSpace& space, Goal& goal, Session& session) {
  const Target here = target_of(order.interpreter);
  LockBuilds builds(here, order.interpreter, session);
  RootedLines lines;
  LockedInputs inputs = gather(order, space, builds, here, goal, lines, session);
  goal.require_hashes = goal.file_options.require_hashes.value_or(false);
  builds.prepare(goal);

  const ResolvePolicy policy = policy_of(order.command);
  ResolveRequest one{.target = here};  // apart: GCC 12 takes one made in place for uninitialised
  UniversalRequest request{.request = std::move(one),
                           .roots = lines.roots(),
                           .root_of = lines.root_of(),
                           .targets = space.targets,
                           .targets_must_install = must_install(space),
                           .everywhere = space.is_universal ? space.pythons : std::vector<PythonMinor>(),
                           .requires_python = space.requires_python,
                           .fewest_forks = session.settings().fewest_forks,
                           .preferences = {}};
  Pylock lock = locked_worlds(order, space, goal, policy, request,
                              conflicting_roots(inputs.conflicts, request.roots), session);
  if (!order.of_project) lock.locked_groups = groups_from_lock(order, session);
  lock.environments = environments_of(space);
  lock.has_environments = !lock.environments.empty();
  lock.inputs = std::move(inputs);
  return lock;
}

LockOrder order_of(const LockCommand& command, Session& session, const Script* script = nullptr) {
  LockOrder order{.command = command, .path = lock_path(command, session.settings()).lexically_normal()};
  order.earlier = earlier_lock(order.path, form_of(command), command.upgrade, session);
  order.groups = groups_for(command, order.earlier, order.path, session);
  order.of_project = command.requirement_files.empty() && !command.script;
  if (command.script) order.script = script != nullptr ? script : &*session.settings().script;
  if (order.of_project) order.required = required_python(session.settings());
  if (order.script != nullptr) order.required = order.script->metadata.requires_python;
  order.interpreter = interpreter_for(command, session, order.required);
  return order;
}

// Several versions of a package count as one.
std::size_t package_count(const Pylock& lock) {
  std::set<PackageName> names;
  for (const LockedPackage& package : lock.packages) names.insert(package.name);
  return names.size();
}

// nullptr: there is no lock, or none that names its targets.
const Pylock* earlier_of(const LockOrder& order) {
  return order.earlier.pylock ? &*order.earlier.pylock : nullptr;
}

// Its targets, if there are several.
std::optional<LockSpace> space_of(const LockOrder& order, const Settings& settings) {
  return lock_space({.platforms = order.command.platforms,
                     .python_versions = order.command.python_versions,
                     .universal = order.command.universal,
                     .declared = settings.targets,
                     .is_for_all = order.is_for_all(),
                     .requires_python = order.required},
                    order.interpreter, earlier_of(order));
}

struct OfflineCheck {
  std::size_t packages = 0;         // in the lock
  std::vector<std::string> faults;  // what is out of date, or cannot be installed
};

// Checks a lock for several targets without resolving; nullopt: it is not such a lock.
std::optional<OfflineCheck> check_offline(const LockCommand& command, Session& session) {
  const LockOrder order = order_of(command, session);
  const Settings& settings = session.settings();
  std::optional<LockSpace> space = space_of(order, settings);
  if (!space || !order.earlier.pylock || !order.earlier.pylock->inputs) return std::nullopt;
  const Pylock& lock = *order.earlier.pylock;
  if (!space->is_declared) leave_out_excluded(*space, lock);
  Goal goal = read_goal({}, command.requirement_files, command.constraint_files, session);
  const Target here = target_of(order.interpreter);
  LockBuilds builds(here, order.interpreter, session);
  RootedLines lines;
  const LockedInputs now = gather(order, *space, builds, here, goal, lines, session);
  std::vector<std::string> faults = input_differences(*lock.inputs, now);
  if (const SpecifierSet locked = lock.requires_python.value_or(SpecifierSet());
      locked != space->requires_python)
    faults.push_back(fmt::format("requires-python: locked for {}, now {}",
                                 locked.empty() ? "any" : locked.to_string(),
                                 space->requires_python.to_string()));
  if (faults.empty()) faults = gaps(lock, *space);
  if (faults.empty() && must_install(*space)) faults = unproved(lock, *space, !settings.no_build);
  return OfflineCheck{package_count(lock), std::move(faults)};
}

}  // namespace

std::optional<std::vector<std::string>> lock_faults(const LockCommand& command, Session& session) {
  std::optional<OfflineCheck> check = check_offline(command, session);
  if (!check) return std::nullopt;
  return std::move(check->faults);
}

MadeLock make_lock(const LockCommand& command, Session& session, const Pylock* kept, const Script* script) {
  const LockForm form = form_of(command);
  LockOrder order = order_of(command, session, script);
  const std::optional<std::string> before = std::move(order.earlier.text);
  std::shared_ptr<const Pylock> was = std::move(order.earlier.whole);
  if (kept != nullptr) order.earlier = versions_of(*kept);
  Goal goal = read_goal({}, command.requirement_files, command.constraint_files, session);
  std::optional<LockSpace> space = space_of(order, session.settings());
  if (space && form == LockForm::Requirements) {
    if (command.universal || command.platforms.size() > 1 || command.python_versions.size() > 1)
      throw Error(ErrorKind::Usage, "a requirements file is for one target; only a pylock.toml holds several",
                  {"moat lock -o pylock.toml"});
    space.reset();
  }

  MadeLock made{
      .path = order.path, .lock = {}, .text = {}, .before = before, .was = std::move(was), .differs = true};
  made.lock = space ? lock_for_all(order, *space, goal, session) : lock_for_one(order, goal, session);
  if (space && must_install(*space))
    if (const auto lacking = unproved(made.lock, *space, !session.settings().no_build); !lacking.empty())
      throw Error(ErrorKind::NoSolution, "the lock could not be installed on every target", {}, lacking);
  made.text = form == LockForm::Pylock ? format_pylock(made.lock)
                                       : format_requirements(made.lock, made.path.parent_path());
  made.differs = made.before != made.text;
  return made;
}

namespace {

int report(const OfflineCheck& check, const LockCommand& command, Session& session) {
  Output& output = session.output();
  const fs::path path = lock_path(command, session.settings()).lexically_normal();
  if (output.json())
    output.document({{"schema", 1},
                     {"lock", path.native()},
                     {"packages", check.packages},
                     {"changed", !check.faults.empty()},
                     {"written", false},
                     {"differences", check.faults}});
  if (check.faults.empty()) {
    output.say(fmt::format("{}: up to date", path.native()));
    return 0;
  }
  output.say(fmt::format("{} is out of date; `{}` updates it", path.native(),
                         command.script ? "moat lock --script " + shell_word(*command.script) : "moat lock"));
  for (const std::string& fault : check.faults) output.say("  " + fault);
  return 1;
}

}  // namespace

std::vector<std::string> lock_changes(const MadeLock& made) {
  if (!made.was || !made.differs) return {};
  return lock_changes(*made.was, made.lock);
}

namespace {

Pylock whole_lock(const std::string& text, const std::string& file) {
  Expected<Pylock> lock = parse_pylock(text, "");
  if (!lock) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(file), lock.error().message));
  return std::move(*lock);
}

// As git's merge driver: the result replaces the file of our side. Nothing is resolved here, because the
// pyproject.toml may not be merged yet.
int merge_files(const LockCommand& command, Session& session) {
  const auto text_of = [&](std::size_t side) {
    return read_named_file(session.settings().working_directory / command.merge_files[side]);
  };
  // git passes an empty base if both sides added the file.
  const std::string base_text = text_of(0);
  std::optional<Pylock> base;
  if (!trim(base_text).empty()) base = whole_lock(base_text, command.merge_files[0]);
  const Pylock ours = whole_lock(text_of(1), command.merge_files[1]);
  const Pylock theirs = whole_lock(text_of(2), command.merge_files[2]);
  const fs::path path = session.settings().working_directory / command.merge_files[1];
  write_output_file(path, format_pylock(merge_locks(base ? &*base : nullptr, ours, theirs)), 0666,
                    Durability::Synced);
  session.output().say("merged both locks; run `moat lock` to check the versions against pyproject.toml");
  return 0;
}

}  // namespace

int execute(const LockCommand& command, Session& session) {
  if (!command.merge_files.empty()) return merge_files(command, session);
  if (session.settings().env) open_for_reading(session);  // `sync --env` creates it; here it must exist
  if (command.check)
    if (const auto check = check_offline(command, session)) return report(*check, command, session);
  const MadeLock made = make_lock(command, session);
  if (made.differs && !command.check && !command.dry_run)
    write_output_file(made.path, made.text, 0666, Durability::Synced);

  Output& output = session.output();
  const std::string packages = counted(package_count(made.lock), "package");
  if (output.json())
    output.document({{"schema", 1},
                     {"lock", made.path.native()},
                     {"packages", package_count(made.lock)},
                     {"changed", made.differs},
                     {"written", made.differs && !command.check && !command.dry_run}});
  if (!output.json() && output.verbosity() >= 0)
    for (const std::string& line : lock_changes(made)) output.result(line);
  if (command.dry_run) {
    output.say(made.differs ? "nothing was written"
                            : fmt::format("{}: {}, nothing to change", made.path.native(), packages));
    return 0;
  }
  if (command.check && made.differs) {
    output.say(fmt::format("{} would change; `moat lock` writes it", made.path.native()));
    return 1;
  }
  output.say(fmt::format("{}: {}{}", made.path.native(), packages,
                         made.differs ? " locked" : ", nothing to change"));
  return 0;
}

}  // namespace moat
