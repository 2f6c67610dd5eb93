// moat lock: requirements → pylock.toml, every file pinned with its hash.
#include "cli/commands/commands.h"
#include "cli/install_pipeline.h"
#include "cli/open_env.h"
#include "cli/project_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/lockfile.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

fs::path lock_path(const LockCommand& command, const Settings& settings) {
  if (command.output) return settings.working_directory / *command.output;
  const bool of_project = settings.pyproject && command.requirement_files.empty();
  return (of_project ? settings.pyproject->parent_path() : settings.working_directory) / "pylock.toml";
}

// The requirements of the files, or of the project.
Goal goal_of(const LockCommand& command, Session& session, std::optional<SpecifierSet>& requires_python) {
  const Settings& settings = session.settings();
  if (!command.requirement_files.empty())
    return read_goal({}, command.requirement_files, command.constraint_files, session);
  if (!settings.pyproject)
    throw Error(ErrorKind::Usage, "there is no pyproject.toml here to lock",
                {"moat lock -r requirements.txt"});
  ProjectFacts project = read_project(*settings.pyproject);
  requires_python = std::move(project.requires_python);
  Goal goal = read_goal(project.dependencies, {}, command.constraint_files, session);
  for (RootRequirement& root : goal.requirements) root.origin.where = "pyproject.toml";
  return goal;
}

// --python, else the environment found here, else the default.
Interpreter interpreter_for(Session& session, const std::optional<SpecifierSet>& requires_python) {
  const Settings& settings = session.settings();
  if (!settings.python)
    if (const auto chosen = choose_environment(settings, ForProject::Yes);
        chosen && Environment::exists_at(chosen->root)) {
      const Environment environment = Environment::open(chosen->root, Environment::Foreign::Allowed);
      return environment.is_foreign() ? probe_interpreter(environment.python(), session.store())
                                      : environment.interpreter();
    }
  return session.chosen_interpreter(requires_python);
}

Target target_for(const LockCommand& command, const Interpreter& here) {
  if (!command.python_version && command.platforms.empty()) return target_of(here);
  const std::string version = command.python_version.value_or(here.version);
  Expected<Target> target = foreign_target(version, command.platforms, &here);
  if (!target)
    throw Error(ErrorKind::Usage, target.error().message,
                {"--python-version 3.12 --platform manylinux_2_28_x86_64"});
  return std::move(*target);
}

std::map<PackageName, Version> locked_versions(const fs::path& path, Session& session) {
  std::map<PackageName, Version> out;
  const std::optional<std::string> text = read_file_if_exists(path);
  if (!text) return out;
  std::vector<std::string> warnings;
  const Expected<Pylock> lock = parse_pylock(*text, path.filename().native(), &warnings);
  if (!lock) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), lock.error().message));
  for (const std::string& warning : warnings) session.reporter().warn(warning);
  for (const LockedPackage& package : lock->packages)
    if (package.version) out.emplace(package.name, *package.version);
  return out;
}

ResolvePolicy policy_of(const LockCommand& command) {
  ResolvePolicy policy{.upgrade = command.upgrade};
  for (const std::string& name : command.upgrade_packages)
    policy.upgrade_packages.insert(parse_package_name(name));
  return policy;
}

}  // namespace

int execute(const LockCommand& command, Session& session) {
  const fs::path path = lock_path(command, session.settings()).lexically_normal();
  std::optional<SpecifierSet> requires_python;
  const Goal goal = goal_of(command, session, requires_python);
  const Target target = target_for(command, interpreter_for(session, requires_python));
  const Resolution resolution =
      resolve_goal(goal, policy_of(command), target, locked_versions(path, session), session);
  for (const std::string& note : resolution.notes) session.reporter().warn(note);

  const std::string text =
      format_pylock(lock_resolution(resolution, target, {.lock_directory = path.parent_path().native()}));
  const bool differs = read_file_if_exists(path) != text;
  if (differs && !command.check) write_file_atomically(path, text, 0666, Durability::Synced);

  Output& output = session.output();
  const std::string packages = counted(resolution.packages.size(), "package");
  if (output.json())
    output.document({{"schema", 1},
                     {"lock", path.native()},
                     {"packages", resolution.packages.size()},
                     {"changed", differs},
                     {"written", differs && !command.check}});
  if (command.check && differs) {
    output.say(fmt::format("{} would change; `moat lock` writes it", path.native()));
    return 1;
  }
  output.say(fmt::format("{}: {}{}", path.native(), packages, differs ? " locked" : ", nothing to change"));
  return 0;
}

}  // namespace moat
