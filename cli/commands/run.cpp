// moat run [--] CMD…
#include "cli/commands/commands.h"
#include "cli/commands/run_matrix.h"
#include "cli/commands/sync.h"
#include "cli/output/exit_status.h"
#include "cli/session/bytecode_later.h"
#include "cli/session/environment_facts.h"
#include "cli/session/open_env.h"
#include "cli/session/required_python.h"
#include "cli/session/run_environments.h"
#include "envs/environment/shell_words.h"
#include "envs/environment/spawn.h"
#include "envs/place/direct_url.h"
#include "fetch/os/file.h"
#include "fetch/os/folder_lock.h"
#include "fetch/os/foreground.h"
#include "fetch/os/noexec.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

Error refusal(const std::string& name, const fs::path& path, const fs::path& environment) {
  const std::string as_it_is = fmt::format("without moat, {} runs as it is", path.native());
  if (name.find('/') != std::string::npos)
    return {
        ErrorKind::Refused, fmt::format("{} belongs to another Python", quote(path.native())), {as_it_is}};
  return {ErrorKind::Refused,
          fmt::format("{} is not in {}; the one on PATH belongs to another Python: {}", quote(name),
                      environment.native(), path.native()),
          {"`moat install PACKAGE` installs the package that provides it", as_it_is}};
}

// The installed versions, so that a separate run uses the same.
void add_installed(const Environment& environment, RunQuestion& question, Session& session) {
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  for (const std::string& problem : installed.problems) session.reporter().warn(problem);
  std::vector<NamedLine> lines;
  for (const InstalledDistribution& distribution : installed.all) {
    const std::string name = distribution.name.display(), version = distribution.version.to_string();
    std::string text = name;
    if (const auto from =
            distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt) {
      text += " @ " + from->reference();
      if (from->editable) question.goal.editables.insert(distribution.name);
    }
    lines.push_back({text, fmt::format("installed: {} {}", name, version)});
    question.preferences.emplace(distribution.name, distribution.version);
  }
  add_lines(lines, question.goal, session);
}

// For a script: the Python that it, or the user, requires.
Interpreter python_for(const Script& script, Session& session) {
  const std::optional<SpecifierSet>& wanted = script.metadata.requires_python;
  Interpreter python = session.chosen_interpreter(wanted);
  const Target target = target_of(python);
  if (wanted && !wanted->contains(target.python))
    throw Error(ErrorKind::NoInterpreter,
                fmt::format("{} needs Python {}, and this is {}", script.name, wanted->to_string(),
                            target.description),
                {fmt::format("moat run -p '{}' {}", wanted->to_string(),
                             script.path.empty() ? "-" : shell_word(script.name))});
  return python;
}

// A project's lock and environment are updated first. Standard output is left to the program.
// Returns false if there is no project.
bool bring_up_to_date(const RunCommand& command, Session& session) {
  const Settings& settings = session.settings();
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings, ForProject::Yes);
  // For a script its own lock is used.
  const bool about_lock = command.about_project == "--locked" || command.about_project == "--frozen";
  if (settings.script && about_lock) return false;
  if (settings.script || !chosen || chosen->by != ChosenBy::Project || !is_in_project(session.settings())) {
    if (!command.about_project.empty())
      throw Error(ErrorKind::Usage,
                  fmt::format("`{}` requires a project and its own environment", command.about_project),
                  {fmt::format("leave `{}` out", command.about_project)});
    return false;
  }
  if (command.no_sync) return false;
  if (Environment::exists_at(chosen->root) && !is_there(chosen->root / ".moat" / "manifest")) {
    session.output().note(fmt::format("{} is not changed: another tool made it", chosen->root.native()));
    return false;
  }
  const std::optional<ChangeReport> report = update_project(command.sync, session);
  if (!report) return true;
  for (const std::string& warning : report->warnings) session.output().warn(warning);
  for (const Operation& operation : report->operations) session.output().say(change_text(operation));
  return true;
}

// The versions to keep when --with adds packages.
std::map<PackageName, Version> locked_versions(const Pylock& lock, const Interpreter& python) {
  std::map<PackageName, Version> out;
  for (const LockedPackage& package : lock.packages)
    if (package.version && (!package.marker || package.marker->evaluate(python.markers)))
      out.emplace(package.name, *package.version);
  return out;
}

// The lock next to a script, updated; nullopt: it has none.
std::optional<Pylock> lock_of(const Script& script, const SyncCommand& how, Session& session) {
  if (script.path.empty()) {  // standard input
    if (!how.locked && !how.frozen) return std::nullopt;
    throw Error(ErrorKind::Usage, "a script on standard input has no lock",
                {"save it as a file: `moat lock --script FILE` makes its lock"});
  }
  const fs::path path = script_lock_path(script);
  if (!is_there(path)) {
    if (!how.locked && !how.frozen) return std::nullopt;
    throw Error(ErrorKind::Usage, fmt::format("there is no {}", path.native()),
                {fmt::format("`moat lock --script {}` makes it", shell_word(script.name))});
  }
  constexpr std::chrono::minutes kPatience{10};
  const FolderLock alone = FolderLock::acquire(path.parent_path(), kPatience);
  LockCommand lock;
  lock.script = script.name;
  const MadeLock made = project_lock(how, session, lock);
  if (made.differs) write_output_file(made.path, made.text, 0666, Durability::Synced);
  for (const std::string& change : lock_changes(made)) session.output().say(change);
  return *made.lock;
}

// Packages for one run need no existing environment. Only a named one, or a project's, is used.
bool has_environment(const Settings& settings) {
  return choose_environment(settings, ForProject::Yes).has_value();
}

// Refuses modules that change, or link to, the environment they run in: here that is a shared one, deleted
// later.
void check_module_alone(const RunCommand& command) {
  if (!command.module) return;
  const std::string& module = command.command[2];
  if (module == "ensurepip")
    throw Error(ErrorKind::Usage, "there is no environment here to install pip into",
                {"`moat create --pip` makes one with pip"});
  if (module == "venv")
    throw Error(ErrorKind::Usage, "there is no environment here for venv to build on",
                {"`moat create FOLDER` makes an environment"});
}

// Python alone is enough for a module, standard input, or a file without metadata.
bool needs_python_only(const RunCommand& command, const Settings& settings) {
  const std::string& first = command.command.front();
  return command.module || command.from_input ||
         (first.ends_with(".py") && fs::is_regular_file(status_of(settings.working_directory / first)));
}

// An environment made for this run only; nullopt if it uses an existing one.
std::optional<RunEnvironment> made_for(const RunCommand& command, Session& session) {
  const Settings& settings = session.settings();
  const bool env_is_named = settings.env || settings.user;
  if (settings.script && env_is_named)
    session.output().note(fmt::format("the requirements in {} are ignored, since an environment is named",
                                      settings.script->name));
  const Script* script = settings.script && !env_is_named ? &*settings.script : nullptr;
  if (script == nullptr && command.with.empty() &&
      (!needs_python_only(command, settings) || has_environment(session.settings())))
    return std::nullopt;

  RunQuestion question{
      .name = {}, .goal = read_goal(command.with, {}, {}, session), .interpreter = {}, .preferences = {}};
  if (script != nullptr) {
    question.name = script->name;
    add_lines(script->lines(), question.goal, session);
    question.interpreter = python_for(*script, session);
    if (std::optional<Pylock> lock = lock_of(*script, command.sync, session)) {
      question.lock_directory = script->path.parent_path();
      if (command.with.empty())
        question.lock = std::move(lock);
      else
        question.preferences = locked_versions(*lock, question.interpreter);
    }
  } else if (!has_environment(session.settings())) {
    if (command.with.empty()) check_module_alone(command);
    question.name = !command.with.empty() ? join(command.with, ", ")
                    : command.module      ? "-m " + command.command[2]
                    : command.from_input  ? "standard input"
                                          : command.command.front();
    question.interpreter = project_python(session);
  } else {
    const Environment environment = open_to_run(session);
    question.name = fmt::format("{} and {}", environment.prompt(), fmt::join(command.with, ", "));
    add_installed(environment, question, session);
    question.interpreter = interpreter_like(environment, session);
  }
  return obtain_run_environment(std::move(question), session);
}

// The program belongs to the environment, but cannot be started.
bool is_kept_from_starting(const std::string& name, const fs::path& root) {
  return name.find('/') == std::string::npos && is_there(root / "bin" / name) && is_on_noexec(root / "bin");
}

Error kept_from_starting(const std::string& name, const fs::path& root) {
  return {ErrorKind::Refused,
          fmt::format("{} is on a file system mounted noexec: no program starts there",
                      (root / "bin" / name).native()),
          {fmt::format("moat env clone {} NEW, where programs may start", shell_word(root.native()))}};
}

bool is_file_name(const std::string& name) {
  return name.ends_with(".py") || name.find('/') != std::string::npos;
}

bool is_missing_file(const std::string& name, const Settings& settings) {
  return is_file_name(name) && !is_there(settings.working_directory / name);
}

Error no_such_file(const std::string& name) {
  return {ErrorKind::NotFound, fmt::format("no such file: {}", quote(name))};
}

// `run nosuch.py`: not an unknown command, but a missing file.
Error not_found(const std::string& name, const fs::path& root, const Settings& settings, bool pure) {
  if (is_missing_file(name, settings)) return no_such_file(name);
  if (is_file_name(name))
    return {ErrorKind::NotFound,
            fmt::format("{} is not an executable program", quote(name)),
            {fmt::format("`moat run python {}` has Python run it", shell_word(name))}};
  return {ErrorKind::NotFound, fmt::format("there is no command {} in {}{}", quote(name), root.native(),
                                           pure ? "" : " or on PATH")};
}

}  // namespace

int execute(const RunCommand& command, Session& session) {
  if (!command.matrix.empty()) return run_matrix(command, session);
  const Settings& settings = session.settings();
  const bool is_project = bring_up_to_date(command, session);
  const std::optional<RunEnvironment> made = made_for(command, session);
  if (!made && !is_project && !command.about_packages.empty())
    throw Error(ErrorKind::Usage,
                fmt::format("`{}` requires `--with`, or a script that lists its requirements",
                            command.about_packages),
                {fmt::format("leave `{}` out", command.about_packages)});
  if (!made && is_missing_file(command.command.front(), settings) && !has_environment(session.settings())) {
    session.output().error(no_such_file(command.command.front()));
    return kRunNotFound;
  }
  const fs::path root = made ? made->root : open_to_run(session).root();
  if (made) made->pass_on();
  const auto found = find_command(command.command, root, settings.working_directory,
                                  variable(settings.variables, "PATH"), command.pure);
  const std::string& name = command.command.front();
  Output& output = session.output();
  if (!std::holds_alternative<Program>(found) && is_kept_from_starting(name, root)) {
    output.error(kept_from_starting(name, root));
    return kRunRefused;
  }
  if (const auto* refused = std::get_if<ProgramRefused>(&found)) {
    output.error(refusal(name, refused->path, root));
    return kRunRefused;
  }
  if (std::holds_alternative<ProgramNotFound>(found)) {
    output.error(not_found(name, root, settings, command.pure));
    return kRunNotFound;
  }
  output.flush();
  make_bytecode_later(session);
  execute_program(std::get<Program>(found).argv, program_variables(settings.variables, root, command.pure));
}

}  // namespace moat
