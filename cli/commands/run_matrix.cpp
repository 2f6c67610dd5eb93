#include "cli/commands/run_matrix.h"

#include "cli/commands/sync.h"
#include "cli/output/exit_status.h"
#include "cli/session/required_python.h"
#include "cli/session/run_environments.h"
#include "cli/session/source_setup.h"
#include "envs/environment/spawn.h"
#include "envs/project/project_files.h"
#include "envs/project/workspace.h"
#include "envs/python/discovery.h"
#include "fetch/os/file.h"
#include "fetch/os/foreground.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <variant>

namespace moat {
namespace {

// All of them exist before anything runs.
std::vector<Interpreter> pythons_of(const RunCommand& command, Session& session) {
  const std::optional<SpecifierSet> required = required_python(session.settings());
  std::vector<Interpreter> out;
  for (const std::string_view word : split(command.matrix, ',')) {
    const std::string spec(trim(word));
    if (spec.empty())
      throw Error(ErrorKind::Usage,
                  fmt::format("--matrix: {} is not a list of Pythons", quote(command.matrix)),
                  {"moat run --matrix 3.11,3.12 -- pytest"});
    Interpreter python = find_interpreter(spec, session.discovery(), session.store());
    if (required && !admits(*required, python))
      throw Error(ErrorKind::NoInterpreter,
                  fmt::format("--matrix: the project requires Python {}, and {} is {}", required->to_string(),
                              spec, python.version));
    out.push_back(std::move(python));
  }
  return out;
}

// The locked versions, if the lock has any for this Python.
std::map<PackageName, Version> locked_versions(const Pylock& lock, const Interpreter& python,
                                               const LockChoice& choice) {
  const std::set<GroupName> groups = choice.all_groups(lock);
  std::map<PackageName, Version> out;
  for (const LockedPackage& package : lock.packages)
    if (package.version &&
        (!package.marker || package.marker->evaluate(python.markers, choice.extras, groups)))
      out.emplace(package.name, *package.version);
  return out;
}

// The requirements of the project, and the project itself.
RunQuestion question_for(const RunCommand& command, const Interpreter& python, const Pylock& lock,
                         Session& session) {
  const Settings& settings = session.settings();
  const LockChoice choice = choice_of_project(command.sync, lock, settings);
  RunQuestion question{.name = "Python " + python.version,
                       .goal = read_goal(command.with, {}, {}, session),
                       .interpreter = python,
                       .preferences = locked_versions(lock, python, choice)};
  Goal& goal = question.goal;
  const AskBackend ask = backend_asker(
      goal, [&python] { return python; }, session);
  const std::vector<OwnPackage> own = command.sync.no_project || !command.sync.only_groups.empty()
                                          ? std::vector<OwnPackage>()
                                          : own_packages(settings);
  if (command.sync.only_groups.empty())
    if (const auto lines = read_workspace(settings, ask).dependencies) add_lines(*lines, goal, session);
  const ProjectChoices choices = read_workspace_choices(settings, ask);
  std::vector<std::string> groups = command.sync.groups;
  groups.insert(groups.end(), command.sync.only_groups.begin(), command.sync.only_groups.end());
  if (!command.sync.no_default_groups && command.sync.only_groups.empty())
    for (const GroupName& group : default_groups(settings)) groups.push_back(group.normalized());
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  for (const std::string& group : groups) {
    const auto known = choices.groups.find(normalize_name(group));
    add_lines(known != choices.groups.end() ? known->second : read_groups({group}, settings, ask), goal,
              session);
  }
  // Of the project and of every member that has a group of this name.
  for (const std::string& extra : command.sync.extras)
    if (const auto known = choices.extras.find(normalize_name(extra)); known != choices.extras.end())
      add_lines(known->second, goal, session);
  for (const OwnPackage& one : own) {
    const std::string url = Url::from_path(one.folder.native()).to_string();
    const std::string line =
        one.name ? fmt::format("{} @ {}", one.name->display(), url) : one.folder.native();
    add_lines({{line, one.folder.native(), !command.sync.no_editable}}, goal, session);
  }
  return question;
}

struct MatrixRow {
  std::string python;
  int status = 0;
  std::string told;
  std::chrono::nanoseconds time{0};
};

MatrixRow run_in(const RunCommand& command, const Interpreter& python, const Pylock& lock, Session& session) {
  const Settings& settings = session.settings();
  const RunEnvironment made = obtain_run_environment(question_for(command, python, lock, session), session);
  session.output().say(fmt::format("--- Python {}", python.version));
  MatrixRow outcome{.python = python.version, .told = {}};
  const auto found = find_command(command.command, made.root, settings.working_directory,
                                  variable(settings.variables, "PATH"), command.pure);
  if (!std::holds_alternative<Program>(found)) {
    outcome.status = std::holds_alternative<ProgramRefused>(found) ? kRunRefused : kRunNotFound;
    outcome.told = fmt::format("there is no command {}", quote(command.command.front()));
    return outcome;
  }
  session.output().flush();
  if (command.from_input) ::lseek(STDIN_FILENO, 0, SEEK_SET);  // each Python reads the script from its start
  const auto begun = std::chrono::steady_clock::now();
  outcome.status =
      run_program(std::get<Program>(found).argv,
                  program_variables(settings.variables, made.root, command.pure), session.stop());
  outcome.time = std::chrono::steady_clock::now() - begun;
  outcome.told = outcome.status == 0 ? "ok" : fmt::format("failed (exit status {})", outcome.status);
  return outcome;
}

}  // namespace

int run_matrix(const RunCommand& command, Session& session) {
  if (!is_in_project(session.settings()))
    throw Error(ErrorKind::Usage, "--matrix: there is no project here", {"`moat init` begins one"});
  const std::vector<Interpreter> pythons = pythons_of(command, session);
  const MadeLock lock = project_lock(command.sync, session);
  std::vector<MatrixRow> outcomes;
  for (const Interpreter& python : pythons) outcomes.push_back(run_in(command, python, *lock.lock, session));
  session.output().say("---");
  int worst = 0;
  for (const MatrixRow& outcome : outcomes) {
    session.output().say(
        fmt::format("{:<10} {:<28} {:>8}", outcome.python, outcome.told, human_time(outcome.time)));
    worst = std::max(worst, outcome.status);
  }
  return worst;
}

}  // namespace moat
