// moat lock: requirements → pylock.toml, every file pinned with its hash.
#include "cli/commands/commands.h"
#include "cli/environment_facts.h"
#include "cli/foreign_builds.h"
#include "cli/install_pipeline.h"
#include "cli/lock_hashes.h"
#include "cli/open_env.h"
#include "cli/project_files.h"
#include "cli/source_setup.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/lockfile.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace moat {
namespace {

enum class LockForm { Pylock, Requirements };

LockForm form_of(const LockCommand& command) {
  const bool text_file = command.output && fs::path(*command.output).extension() == ".txt";
  const std::string name = command.format.value_or(text_file ? "requirements" : "pylock");
  if (name == "pylock") return LockForm::Pylock;
  if (name == "requirements") return LockForm::Requirements;
  throw Error(ErrorKind::Usage, fmt::format("--format: {} is neither pylock nor requirements", quote(name)));
}

// What a line says after `name @`, or after `-e`.
std::string reference(const DirectSource& source, const fs::path& lock_directory) {
  std::string out;
  switch (source.kind) {
    case DirectSourceKind::Archive:
      out = source.archive.url.empty() ? "file:" + percent_encode_path(source.archive.path)
                                       : source.archive.url;
      break;
    case DirectSourceKind::Directory:
      out = "file:" + percent_encode_path(source.path);
      break;
    case DirectSourceKind::Vcs:
      // pip has no relative form of these.
      out =
          fmt::format("{}+{}@{}", source.vcs_type,
                      source.url.empty() ? Url::from_path((lock_directory / source.path).native()).to_string()
                                         : source.url,
                      source.commit_id);
      break;
  }
  return source.subdirectory.empty() ? out
                                     : out + "#subdirectory=" + percent_encode_path(source.subdirectory);
}

// Every file of a release, so that the lines hold for other machines, too; a marker stands for each package.
std::string format_requirements(const Pylock& lock, const fs::path& lock_directory) {
  std::string out = "# Pinned by moat; every file of a release may be used.\n";
  const bool all_hashed =
      std::all_of(lock.packages.begin(), lock.packages.end(), [](const LockedPackage& package) {
        return !package.direct || package.direct->kind == DirectSourceKind::Archive;
      });
  // Else the hashes of the others would forbid folders and commits.
  if (!all_hashed) out += "--no-require-hashes\n";
  for (const LockedPackage& package : lock.packages) {
    const DirectSource* direct = package.direct ? &*package.direct : nullptr;
    if (direct != nullptr && direct->editable)
      out += "-e " + direct->path;
    else if (direct != nullptr)
      out += fmt::format("{} @ {}", package.name.normalized(), reference(*direct, lock_directory));
    else
      out += fmt::format("{}=={}", package.name.normalized(),
                         package.version ? package.version->to_string() : "");
    if (package.marker) out += " ; " + package.marker->to_string();
    std::set<std::string> hashes;
    const auto add = [&](const LockedFile& file) {
      for (const Digest& digest : file.hashes)
        if (digest.is_strong()) hashes.insert(digest.to_string());
    };
    for (const LockedFile& wheel : package.wheels) add(wheel);
    if (package.sdist) add(*package.sdist);
    if (direct != nullptr && direct->kind == DirectSourceKind::Archive) add(direct->archive);
    for (const std::string& hash : hashes) out += fmt::format(" \\\n    --hash={}", hash);
    out += "\n";
  }
  return out;
}

fs::path lock_path(const LockCommand& command, const Settings& settings) {
  if (command.output) return settings.working_directory / *command.output;
  if (form_of(command) == LockForm::Requirements)
    throw Error(ErrorKind::Usage, "`--format requirements` needs the name of the file",
                {"moat lock -r requirements.in -o requirements.txt"});
  const bool of_project = settings.pyproject && command.requirement_files.empty();
  return (of_project ? settings.pyproject->parent_path() : settings.working_directory) / "pylock.toml";
}

// The requirements of the files, or of the project; those of groups join either.
Goal goal_of(const LockCommand& command, Session& session, std::optional<SpecifierSet>& requires_python) {
  const Settings& settings = session.settings();
  Goal goal = read_goal({}, command.requirement_files, command.constraint_files, session);
  if (command.requirement_files.empty()) {
    if (!settings.pyproject)
      throw Error(ErrorKind::Usage, "there is no pyproject.toml here to lock",
                  {"moat lock -r requirements.txt"});
    ProjectFacts project = read_project(*settings.pyproject, settings);
    requires_python = std::move(project.requires_python);
    add_lines(project.dependencies, goal, session);
  }
  add_lines(read_groups(command.groups, settings), goal, session);
  return goal;
}

// --python, else the environment found here, else the default.
Interpreter interpreter_for(Session& session, const std::optional<SpecifierSet>& requires_python) {
  const Settings& settings = session.settings();
  if (!settings.python)
    if (const auto chosen = choose_environment(settings, ForProject::Yes);
        chosen && Environment::exists_at(chosen->root)) {
      return interpreter_like(Environment::open(chosen->root, Environment::Foreign::Allowed), session);
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

// Sources are best built by a Python as the lock is for; where there is none here, by this one.
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

// What an earlier requirements file pins, so that it stays where it may.
std::map<PackageName, Version> pinned_versions(const fs::path& path, Session& session) {
  std::map<PackageName, Version> out;
  for (const RootRequirement& root : read_goal({}, {path.native()}, {}, session).requirements)
    if (const std::optional<Version> version = root.requirement.specifier.pinned_version())
      out.emplace(root.requirement.name, *version);
  return out;
}

std::map<PackageName, Version> locked_versions(const fs::path& path, LockForm form, Session& session) {
  std::map<PackageName, Version> out;
  if (std::error_code ignored; !fs::is_regular_file(path, ignored)) return out;  // /dev/stdout
  const std::optional<std::string> text = read_file_if_exists(path);
  if (!text) return out;
  if (form == LockForm::Requirements) return pinned_versions(path, session);
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
  const LockForm form = form_of(command);
  std::optional<SpecifierSet> requires_python;
  Goal goal = goal_of(command, session, requires_python);
  // Hashes in what is locked are held, but a lock is there to write the missing ones.
  goal.require_hashes = goal.file_options.require_hashes.value_or(false);
  const Interpreter interpreter = interpreter_for(session, requires_python);
  const Target target = target_for(command, interpreter);
  const Interpreter builder = builder_for(target, interpreter, session);
  prepare_sources(goal, builder, session, std::nullopt, true);
  std::optional<ForeignBuilds> foreign;
  SourcePolicy& sources = session.source_policy();
  if (const Target here = target_of(builder); sources.builder != nullptr && is_foreign(here, target))
    sources.builder = &foreign.emplace(*sources.builder, here, target, session.reporter());
  Resolution resolution =
      resolve_goal(goal, policy_of(command), target, locked_versions(path, form, session), session);
  for (const std::string& note : resolution.notes) session.reporter().warn(note);
  learn_missing_hashes(resolution, target, session);

  const Pylock lock = lock_resolution(
      resolution, target, {.lock_directory = path.parent_path().native(), .editables = goal.editables});
  const std::string text =
      form == LockForm::Pylock ? format_pylock(lock) : format_requirements(lock, path.parent_path());
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
