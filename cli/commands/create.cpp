// moat create [ENV] [PACKAGE…]
#include "cli/commands/commands.h"
#include "cli/commands/shell_start.h"
#include "cli/output/terminal_text.h"
#include "cli/session/changes.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/required_python.h"
#include "cli/session/source_setup.h"
#include "cli/session/which_env.h"
#include "envs/environment/known_environments.h"
#include "envs/environment/new_place.h"
#include "envs/install/requests.h"
#include "envs/project/project_files.h"
#include "fetch/os/file.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <future>

namespace moat {
namespace {

fs::path place_of(const CreateCommand& command, const Settings& settings) {
  if (!command.name) return (settings.working_directory / command.path.value_or(".venv")).lexically_normal();
  if (!is_environment_name(*command.name))
    throw Error(ErrorKind::Usage,
                fmt::format("{} is not a valid name for an environment", quote(*command.name)),
                {"a name is letters, digits, `.`, `_` and `-`, and begins with a letter or digit"});
  return settings.envs_dir() / *command.name;
}

fs::path without_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

// Checked before anything is fetched; create_environment checks again.
void refuse_what_is_there(const fs::path& root, bool replace) {
  std::error_code error;
  const fs::file_status status = status_of(root);
  if (status.type() == fs::file_type::not_found) return;
  if (status.type() != fs::file_type::directory)
    throw Error(ErrorKind::Exists,
                fmt::format("{} already exists and is not a folder", quote(root.native())));
  if (is_vacant(root)) return;
  if (lacks_its_settings(root)) throw_lacks_settings(root);
  if (!Environment::exists_at(root))
    throw Error(ErrorKind::Exists,
                fmt::format("{} is not empty and is not an environment", quote(root.native())));
  if (!replace)
    throw Error(ErrorKind::Exists, fmt::format("an environment already exists at {}", quote(root.native())),
                {"`--replace` deletes it and makes a new one", "`moat install` adds packages to it"});
}

// `-p` may name any Python; but for the project's own environment one that requires-python excludes is hardly
// useful.
Interpreter python_for(const fs::path& root, Session& session) {
  const Settings& settings = session.settings();
  const std::optional<SpecifierSet> required = required_python(settings);
  Interpreter python = session.chosen_interpreter(required);
  if (required && !admits(*required, python) && root == settings.pyproject->parent_path() / ".venv")
    session.output().warn(fmt::format(
        "the project requires Python {}: `moat run` and `moat sync` will refuse this environment (Python {})",
        required->to_string(), python.version));
  return python;
}

}  // namespace

int execute(const CreateCommand& command, Session& session) {
  const fs::path root = without_slash(place_of(command, session.settings()));
  refuse_what_is_there(root, command.replace);
  std::vector<std::string> packages = command.packages;
  if (command.pip) packages.emplace_back("pip");
  Goal goal = read_goal(packages, command.requirement_files, {}, session);
  const Interpreter interpreter = python_for(root, session);
  const AskBackend ask = backend_asker(
      goal, [&] { return interpreter; }, session);
  add_lines(read_groups(command.groups, session.settings(), ask), goal, session);

  // The first snapshot of a Python takes seconds: meanwhile versions are resolved and wheels downloaded. Both
  // objects are made here, before two threads ask for them.
  Store& store = session.store();
  Workers& workers = session.workers();
  const std::shared_future<Runtime> runtime = begin_async([&] {
    return obtain_runtime(interpreter, store, workers, session.reporter(), session.settings().compile);
  });

  // Conflicts and missing files are reported before there is an environment.
  ChangeReport report{.created = true};
  TransactionRequest request;
  if (!goal.requirements.empty() || !goal.unnamed.empty()) {
    prepare_sources(goal, interpreter, session);
    say_excluded(goal, interpreter.markers, session.reporter());
    const Resolution resolution = resolve_goal(goal, {}, target_of(interpreter), {}, session);
    for (const std::string& note : resolution.notes) session.reporter().warn(note);
    const InstallPlan plan = plan_install(goal, resolution, {}, false);
    report.take_files(plan);
    request = with_wheels(plan, {}, false, runtime, goal, session);
    request.requests = request_changes(goal, {}, session.command_line()).said;
  }

  // Shells print the prompt as it is, so it must hold no control characters.
  const std::string name = command.prompt.empty() ? root.filename().native() : command.prompt;
  const std::string plain = for_terminal(name);
  make_directories(root.parent_path());
  const LinkMode mode = command.share ? LinkMode::Hardlink : session.settings().link_mode;
  const auto fill = [&](const Environment& staged) {
    if (!request.install.empty()) report.take(apply(std::move(request), staged, session));
  };
  report.environment = create_environment({.root = root,
                                           .prompt = plain != name ? plain : command.prompt,
                                           .link_mode = mode,
                                           .durable = session.settings().durable,
                                           .replace = command.replace,
                                           .fill = fill},
                                          runtime.get(), workers)
                           .root();
  session.used_runtime(runtime.get().fingerprint);
  report.lacks_bytecode = report.lacks_bytecode || !runtime.get().is_compiled;
  remember_environment(report.environment, session.settings().data_dir);
  session.output().say(fmt::format("created {} with Python {}", root.native(), interpreter.version));
  if (report.operations.empty())
    report.nothing =
        command.name ? fmt::format("`moat install --env {} PACKAGE…` installs packages", *command.name)
                     : fmt::format("`moat run CMD` runs a command in it; `{}` activates it",
                                   activation_command(variable(session.settings().variables, "SHELL"), root));
  report_changes(report, session);
  return 0;
}

}  // namespace moat
