// moat tool install | run | list | upgrade | uninstall
#include "cli/commands/commands.h"
#include "cli/commands/install.h"
#include "cli/commands/upgrade.h"
#include "cli/output/exit_status.h"
#include "cli/session/applications.h"
#include "cli/session/changes.h"
#include "cli/session/open_env.h"
#include "cli/session/run_environments.h"
#include "cli/session/source_setup.h"
#include "envs/environment/remove_environment.h"
#include "envs/environment/shell_words.h"
#include "envs/environment/spawn.h"
#include "envs/install/requests.h"
#include "envs/install/shown_commands.h"
#include "envs/install/user_links.h"
#include "fetch/os/file.h"
#include "fetch/os/foreground.h"
#include "resolver/base/nearest.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <exception>

namespace moat {
namespace {

fs::path environment_of(const PackageName& application, const Settings& settings) {
  return settings.tools_dir() / application.normalized();
}

std::string version_of(const Manifest& manifest, const std::string& name) {
  for (const ManifestPackage& package : manifest.packages)
    if (package.name == name) return package.version;
  return "";
}

// ---- list

struct ListedTool {
  std::string name, version, python, problem;
  fs::path environment;
  std::vector<std::string> commands, asked_for;
};

ListedTool look_at(const PackageName& name, const Settings& settings) {
  ListedTool tool;
  tool.name = name.normalized();
  tool.environment = environment_of(name, settings);
  try {
    const Environment environment = Environment::open(tool.environment);
    finish_showing(environment, settings.command_places());
    const Manifest manifest = environment.manifest();
    tool.version = version_of(manifest, tool.name);
    tool.python = environment.interpreter().version;
    const std::set<std::string> commands = package_commands(manifest, tool.name);
    tool.commands.assign(commands.begin(), commands.end());
    for (const ManifestRequest& request : manifest.requests) tool.asked_for.push_back(request.requirement);
    if (tool.version.empty())  // its environment was rolled back to before
      tool.problem =
          fmt::format("its environment has no {}; `moat tool install {}` installs it", tool.name, tool.name);
  } catch (const Error& error) {
    tool.problem = error.what();
  }
  return tool;
}

// ---- upgrade, uninstall

std::vector<PackageName> named_or_all(const std::vector<std::string>& names, const Settings& settings) {
  const std::vector<PackageName> installed = installed_applications(settings);
  if (names.empty()) return installed;
  std::vector<PackageName> out;
  std::vector<std::string> known;
  for (const PackageName& name : installed) known.push_back(name.normalized());
  for (const std::string& text : names) {
    PackageName name = parse_package_name(text);
    if (std::find(installed.begin(), installed.end(), name) == installed.end()) {
      std::vector<std::string> hints;
      if (const auto near = nearest_name(name.normalized(), known))
        hints.push_back(fmt::format("did you mean `{}`?", *near));
      else
        hints.push_back(fmt::format("`moat tool install {}` installs it", name.normalized()));
      throw Error(ErrorKind::NoEnvironment, fmt::format("application {} not found", quote(text)),
                  std::move(hints));
    }
    out.push_back(std::move(name));
  }
  return out;
}

// Its commands go first, so that none is left that leads nowhere; if the rest stays, they come back.
void remove_application(const fs::path& root, Session& session) {
  const Settings& settings = session.settings();
  const bool is_whole = Environment::exists_at(root);
  try {
    if (is_whole) expect_commands(root, root, settings.command_places());
  } catch (const Error&) {  // removing needs no room
  }
  try {
    hide_other_commands({}, root, settings.command_places());
    remove_environment(root, session.reporter());
  } catch (const Error&) {
    if (is_whole) show_as_before(root, settings.command_places());
    throw;
  }
}

// ---- run

// The command of an installed application: by its package's name, or its own as in ~/.local/bin.
std::optional<fs::path> installed_command(const std::string& word, const Settings& settings) {
  const auto is_there = [](const fs::path& program) { return ::access(program.c_str(), X_OK) == 0; };
  if (word.find('/') != std::string::npos) return std::nullopt;
  if (const auto name = PackageName::parse(word))
    if (fs::path program = environment_of(*name, settings) / "bin" / word; is_there(program)) return program;
  std::error_code error;
  const fs::path target = fs::read_symlink(settings.bin_dir / word, error);
  if (error) return std::nullopt;
  const fs::path tools = fs::weakly_canonical(settings.tools_dir(), error);
  const bool of_application = target.parent_path().parent_path().parent_path() == tools;
  return of_application && is_there(target) ? std::optional(target) : std::nullopt;
}

// Runs it as the command in ~/.local/bin would: with the caller's own variables. Other commands of the
// environment come after everything on PATH.
[[noreturn]] void become(const fs::path& program, const ToolRunCommand& command, Session& session) {
  std::vector<std::string> argv{program.native()};
  argv.insert(argv.end(), command.command.begin() + 1, command.command.end());
  Variables variables = session.settings().variables;
  std::string& path = variables["PATH"];
  path += (path.empty() ? "" : ":") + program.parent_path().native();
  session.output().flush();
  execute_program(argv, variables);
}

// Chooses the command of the package: the typed one; if the package itself was typed, also its only
// one.
std::optional<std::string> command_of(const std::set<std::string>& commands, const std::string& typed,
                                      const PackageName& package, bool package_was_typed) {
  if (commands.contains(typed)) return typed;
  if (!package_was_typed) return std::nullopt;
  if (commands.contains(package.display())) return package.display();
  if (commands.contains(package.normalized())) return package.normalized();
  return commands.size() == 1 ? std::optional(*commands.begin()) : std::nullopt;
}

Error no_such_command(const std::string& typed, const PackageName& package,
                      const std::set<std::string>& commands, const ToolRunCommand& command) {
  if (commands.empty())
    return {ErrorKind::NotFound,
            fmt::format("{} has no command", package.display()),
            {fmt::format("`moat run --with {} python` starts Python with it", package.normalized())}};
  const std::vector<std::string> names(commands.begin(), commands.end());
  const std::string from = shell_word(command.from.value_or(command.command.front()));
  std::vector<std::string> hints;
  if (const auto near = nearest_name(typed, names))
    hints.push_back(fmt::format("did you mean `moat tool run --from {} {}`?", from, shell_word(*near)));
  else
    hints.push_back(
        fmt::format("`moat tool run --from {} {}` runs one of them", from, shell_word(names.front())));
  return {ErrorKind::NotFound,
          fmt::format("{} has no command {}; it has: {}", package.display(), quote(typed), join(names, ", ")),
          std::move(hints)};
}

// The change is made: what cannot be read now is not told, and is no failure.
Manifest manifest_to_tell(const fs::path& environment) {
  try {
    return Environment::open(environment).manifest();
  } catch (const Error&) {
    return {};
  }
}

RunQuestion question_of(const ToolRunCommand& command, const std::string& requirement, Session& session) {
  std::vector<std::string> packages{requirement};
  packages.insert(packages.end(), command.with.begin(), command.with.end());
  RunQuestion question{.name = command.from.value_or(command.command.front()),
                       .goal = read_goal(packages, {}, {}, session),
                       .interpreter = session.chosen_interpreter(),
                       .preferences = {}};
  if (!question.goal.unnamed.empty()) prepare_sources(question.goal, question.interpreter, session);
  return question;
}

}  // namespace

int execute(const ToolInstallCommand& command, Session& session) {
  const ApplicationWord app = parse_application(command.app);
  std::vector<std::string> packages{app.requirement};
  packages.insert(packages.end(), command.with.begin(), command.with.end());
  Goal goal = read_goal(packages, {}, {}, session);
  if (!goal.unnamed.empty()) prepare_sources(goal, session.chosen_interpreter(), session);
  const PackageName name = goal.requirements.front().requirement.name;
  session.work_on_tool(name);

  InstallCommand install;
  install.upgrade = command.upgrade;
  install.of_application = true;
  // `ruff@0.4` is the newest version with that prefix, whatever is installed.
  if (app.latest || app.requirement.ends_with(".*")) install.upgrade_packages.push_back(name.normalized());
  ChangeReport report = install_packages(install, std::move(goal), session);
  const Manifest manifest = manifest_to_tell(report.environment);
  report.nothing =
      fmt::format("{} {} is already installed", name.display(), version_of(manifest, name.normalized()));
  report_changes(report, session);
  if (const auto commands = package_commands(manifest, name.normalized()); !commands.empty())
    session.output().say(fmt::format("commands: {}", fmt::join(commands, ", ")));
  return 0;
}

int execute(const ToolRunCommand& command, Session& session) {
  const std::string& typed = command.command.front();
  const ApplicationWord app = parse_application(command.from.value_or(typed));
  if (command.as_installed && app.plain)
    if (const auto program = installed_command(typed, session.settings())) become(*program, command, session);

  RunQuestion question = question_of(command, app.requirement, session);
  const PackageName package = question.goal.requirements.front().requirement.name;
  const RunEnvironment made = obtain_run_environment(std::move(question), session);
  const std::set<std::string> commands =
      package_commands(Environment::open(made.root).manifest(), package.normalized());
  const bool package_was_typed = !command.from;
  const auto name = command_of(commands, typed, package, package_was_typed);
  // With --from, a command of any package in the environment.
  const fs::path program = made.root / "bin" / name.value_or(typed);
  if (!name &&
      (package_was_typed || typed.find('/') != std::string::npos || ::access(program.c_str(), X_OK) != 0)) {
    session.output().error(
        no_such_command(package_was_typed ? package.display() : typed, package, commands, command));
    return kRunNotFound;
  }
  made.pass_on();
  become(program, command, session);
}

int execute(const ToolListCommand&, Session& session) {
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const PackageName& name : installed_applications(session.settings())) {
    const ListedTool tool = look_at(name, session.settings());
    output.result(tool.problem.empty()
                      ? fmt::format("{} {}  (Python {})", tool.name, tool.version, tool.python)
                      : fmt::format("{}  damaged: {}", tool.name, tool.problem));
    for (const std::string& one : tool.commands) output.result("  " + one);
    documents.push_back({{"name", tool.name},
                         {"version", tool.version},
                         {"python", tool.python},
                         {"environment", tool.environment.native()},
                         {"commands", tool.commands},
                         {"asked_for", tool.asked_for},
                         {"problem", tool.problem}});
  }
  if (output.json())
    output.document({{"schema", 1}, {"applications", documents}});
  else if (documents.empty())
    output.say("no applications are installed; `moat tool install APP` installs one");
  return 0;
}

int execute(const ToolUpgradeCommand& command, Session& session) {
  Output& output = session.output();
  const std::vector<PackageName> names = named_or_all(command.names, session.settings());
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  std::exception_ptr failure;
  for (const PackageName& name : names) {
    session.work_on_tool(name);
    try {
      ChangeReport report =
          upgrade_packages({.names = {}, .dry_run = command.dry_run, .keep_pins = true}, session);
      report.nothing = fmt::format("{} is up to date", name.display());
      nlohmann::ordered_json document{{"name", name.normalized()}};
      document.update(changes_document(report));
      documents.push_back(std::move(document));
      if (!output.json()) report_changes(report, session);
    } catch (const Error& error) {
      // The others are still upgraded; the first failure is the command's.
      if (names.size() == 1 || error.kind() == ErrorKind::Interrupted) throw;
      output.warn(fmt::format("{} was not upgraded{}", name.display(),
                              failure ? fmt::format(": {}", error.what()) : std::string()));
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
  if (output.json())
    output.document({{"schema", 1}, {"applications", documents}});
  else if (names.empty())
    output.say("no applications are installed; `moat tool install APP` installs one");
  return 0;
}

int execute(const ToolUninstallCommand& command, Session& session) {
  const Settings& settings = session.settings();
  Output& output = session.output();
  nlohmann::ordered_json removed = nlohmann::ordered_json::array();
  for (const std::string& text : command.names) {
    const PackageName name = parse_package_name(text);
    const fs::path root = environment_of(name, settings);
    std::error_code error;
    if (!fs::exists(fs::symlink_status(root, error))) {
      output.warn(fmt::format("application {} is not installed", quote(text)));
      continue;
    }
    if (!command.dry_run) remove_application(root, session);
    if (output.verbosity() >= -1) output.result(fmt::format("- {}", name.normalized()));
    removed.push_back(name.normalized());
  }
  if (command.dry_run) output.say("nothing was done");
  if (output.json()) output.document({{"schema", 1}, {"removed", removed}, {"dry_run", command.dry_run}});
  return 0;
}

}  // namespace moat
