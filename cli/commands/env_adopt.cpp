// moat env adopt [ENV]: an environment that venv, virtualenv or uv made becomes moat's own.
#include "cli/commands/commands.h"
#include "cli/session/changes.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/source_setup.h"
#include "envs/environment/known_environments.h"
#include "envs/environment/shell_words.h"
#include "envs/install/bytecode_ahead.h"
#include "envs/place/direct_url.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <future>

namespace moat {
namespace {

// Ours, but not yet known here: a copy, or one that another user made. Nothing in it changes.
void remember_own(const Environment& environment, Session& session) {
  const Settings& settings = session.settings();
  const std::string root = environment.root().native();
  if (is_remembered(environment.root(), settings.data_dir))
    throw Error(ErrorKind::Usage, fmt::format("{} is already a moat environment", root));
  remember_environment(environment.root(), settings.data_dir);
  if (!is_remembered(environment.root(), settings.data_dir))
    throw Error(ErrorKind::Disk, fmt::format("cannot remember {}", root),
                {fmt::format("check that {} is writable", shell_word(settings.data_dir.native()))});
  session.output().say(fmt::format("remembered {}, which is a moat environment already", root));
  report_changes({.environment = environment.root(), .nothing = "nothing changed in it"}, session);
}

// Exactly the installed packages.
Goal goal_of(const InstalledDistributions& installed) {
  Goal goal;
  for (const InstalledDistribution& distribution : installed.all) {
    const std::string& name = distribution.name.display();
    const auto from = distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt;
    if (from && from->editable) goal.editables.insert(distribution.name);
    const std::string text = from ? fmt::format("{} @ {}", name, from->reference())
                                  : fmt::format("{}=={}", name, distribution.version.to_string());
    Expected<Requirement> requirement = Requirement::parse(text);
    if (!requirement)
      throw Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(text), requirement.error().message));
    goal.requirements.push_back({std::move(*requirement), {"installed here"}, {}});
  }
  return goal;
}

}  // namespace

int execute(const EnvAdoptCommand& command, Session& session) {
  const Environment foreign = command.env
                                  ? Environment::open(environment_path(*command.env, session.settings()),
                                                      Environment::Foreign::Allowed)
                                  : open_for_reading(session);
  if (!foreign.is_foreign()) {
    remember_own(foreign, session);
    return 0;
  }
  const InstalledDistributions installed = InstalledDistributions::read(foreign.site_packages());
  const Interpreter interpreter = probe_interpreter(foreign.python(), session.store());
  Goal goal = goal_of(installed);
  prepare_sources(goal, interpreter, session);
  const Resolution resolution = resolve_goal(goal, {.no_deps = true}, target_of(interpreter), {}, session);
  const auto runtime = ready_runtime(obtain_runtime(interpreter, session.store(), session.workers(),
                                                    session.reporter(), session.settings().compile));
  TransactionRequest request =
      with_wheels(plan_install(goal, resolution, {}, false), {}, false, runtime, goal, session);
  for (WantedPackage& wanted : request.install)
    if (const InstalledDistribution* before = installed.find(wanted.name))
      wanted.requested = before->requested;

  ChangeReport report{
      .environment = foreign.root(), .created = true, .nothing = "nothing is installed in it"};
  create_environment({.root = foreign.root(),
                      .link_mode = session.settings().link_mode,
                      .durable = session.settings().durable,
                      .replace = true,
                      .fill =
                          [&](const Environment& staged) {
                            if (!request.install.empty())
                              report.take(apply(std::move(request), staged, session));
                          }},
                     runtime.get(), session.workers());
  report.lacks_bytecode = report.lacks_bytecode || !runtime.get().is_compiled;
  remember_environment(foreign.root(), session.settings().data_dir);
  session.output().say(fmt::format("adopted {} (Python {})", foreign.root().native(), interpreter.version));
  report_changes(report, session);
  return 0;
}

}  // namespace moat
