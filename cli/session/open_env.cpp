#include "cli/session/open_env.h"

#include "cli/session/environment_facts.h"
#include "cli/session/required_python.h"
#include "cli/session/run_environments.h"
#include "envs/environment/known_environments.h"
#include "envs/environment/shell_words.h"
#include "envs/install/shown_commands.h"
#include "envs/journal/sealed.h"
#include "envs/project/project_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

Environment open_chosen(Session& session, ForProject project, Environment::Foreign foreign) {
  const ChosenEnvironment chosen = require_environment(session.settings(), project);
  if (chosen.note) session.output().say(*chosen.note);
  Environment environment = Environment::open(chosen.root, foreign);
  // Links that a crash or a failed change left wrong are repaired by the next command; by one that only reads
  // where it is known that they may be.
  if (foreign == Environment::Foreign::Refused)
    show_commands(environment, session.settings().command_places());
  else
    finish_showing(environment, session.settings().command_places());
  return environment;
}

}  // namespace

Environment open_for_reading(Session& session, ForProject project) {
  return open_chosen(session, project, Environment::Foreign::Allowed);
}

Environment open_for_change(Session& session, ForProject project) {
  Environment environment = open_chosen(session, project, Environment::Foreign::Refused);
  refuse_release(environment.root());
  if (is_run_environment(environment.root(), session.settings().store_dir))
    throw Error(ErrorKind::Refused,
                fmt::format("{} belongs to `moat run`, which uses it for every run with the same packages; "
                            "it cannot be changed",
                            quote(environment.root().native())),
                {"moat run --with PACKAGE CMD"});
  return environment;
}

Environment open_to_run(Session& session) {
  const Settings& settings = session.settings();
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings, ForProject::Yes);
  const bool of_project = chosen && chosen->by == ChosenBy::Project;
  if (!of_project || Environment::exists_at(chosen->root)) {
    Environment environment = open_for_reading(session, ForProject::Yes);
    check_python_option(environment, session);
    if (of_project)
      check_required_python(
          environment, session,
          fmt::format("`moat run --env {} …` runs in it anyway", shell_word(environment.root().native())));
    return environment;
  }
  if (chosen->note) session.output().say(*chosen->note);
  try {
    return create_and_say(chosen->root, session);
  } catch (const Error& error) {
    // Another run may have been faster.
    if (error.kind() != ErrorKind::Exists || !Environment::exists_at(chosen->root)) throw;
    return Environment::open(chosen->root, Environment::Foreign::Allowed);
  }
}

namespace {

std::optional<SpecifierSet> both(const std::optional<SpecifierSet>& a, const std::optional<SpecifierSet>& b) {
  if (!a || !b || a->empty() || b->empty()) return a && !a->empty() ? a : b;
  return SpecifierSet::parse(a->to_string() + "," + b->to_string()).value();
}

}  // namespace

Interpreter project_python(Session& session, const std::optional<SpecifierSet>& of_lock) {
  const Settings& settings = session.settings();
  const std::optional<SpecifierSet> required = required_python(settings);
  Interpreter python = session.chosen_interpreter(both(required, of_lock));
  if (required && !admits(*required, python))
    throw Error(ErrorKind::NoInterpreter,
                fmt::format("{} selects Python {}, but the project requires Python {}",
                            settings.python_is_option ? "-p" : "the setting `python`", python.version,
                            required->to_string()),
                {fmt::format("`-p {}` selects one that meets it", shell_word(required->to_string()))});
  return python;
}

InstalledGraph graph_of(const Environment& environment, const InstalledDistributions& installed,
                        Session& session) {
  for (const std::string& problem : installed.problems) session.reporter().warn(problem);
  // Release and version of the kernel are not needed here, and cost a call.
  return {installed, environment.is_foreign() ? target_of(environment, session).environment
                                              : environment.interpreter().markers};
}

Environment create_and_say(const fs::path& root, Session& session,
                           std::function<void(const Environment&)> fill,
                           const std::optional<SpecifierSet>& of_lock) {
  const Settings& settings = session.settings();
  const Interpreter interpreter =
      settings.user || settings.tool ? session.chosen_interpreter(of_lock) : project_python(session, of_lock);
  const Runtime runtime =
      obtain_runtime(interpreter, session.store(), session.workers(), session.reporter(), settings.compile);
  make_directories(root.parent_path());
  const CreateOptions options{
      .root = root, .link_mode = settings.link_mode, .durable = settings.durable, .fill = std::move(fill)};
  Environment environment = create_environment(options, runtime, session.workers());
  if (!runtime.is_compiled) session.lacks_bytecode(environment.root());
  session.used_runtime(runtime.fingerprint);
  remember_environment(environment.root(), settings.data_dir);
  session.output().say(
      fmt::format("created {} with Python {}", root.native(), environment.interpreter().version));
  return environment;
}

}  // namespace moat
