// moat env upgrade-python: another Python for the same environment.
#include "cli/commands/commands.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/required_python.h"
#include "cli/session/source_setup.h"
#include "cli/session/which_env.h"
#include "envs/environment/shell_words.h"
#include "envs/install/bytecode_ahead.h"
#include "envs/install/requests.h"
#include "envs/install/shown_commands.h"
#include "envs/journal/change.h"
#include "envs/place/direct_url.h"
#include "envs/project/project_files.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <future>

namespace moat {
namespace {

bool is_same_line(const Interpreter& a, const Interpreter& b) {
  return a.implementation == b.implementation && a.major == b.major && a.minor == b.minor &&
         a.free_threaded == b.free_threaded && a.debug == b.debug;
}

// -p, else the newest installed one of the same line; nullopt if the environment has that already.
std::optional<Interpreter> python_to_take(const Environment& environment, Session& session) {
  const Interpreter& now = environment.interpreter();
  if (session.settings().python_is_option) {
    Interpreter named = session.chosen_interpreter();
    return named.version == now.version && is_same_line(named, now) ? std::nullopt
                                                                    : std::optional(std::move(named));
  }
  for (Interpreter& one : list_interpreters(session.discovery(), session.store()))
    if (is_same_line(one, now))  // newest first
      return one.micro > now.micro ? std::optional(std::move(one)) : std::nullopt;
  return std::nullopt;
}

void check_project(const Environment& environment, const Interpreter& python, const Settings& settings) {
  const std::optional<SpecifierSet> required = required_python(settings);
  if (!required || admits(*required, python) ||
      environment.root() != settings.pyproject->parent_path() / ".venv")
    return;
  throw Error(ErrorKind::NoInterpreter,
              fmt::format("the project requires Python {}, and {} is Python {}", required->to_string(),
                          python.executable.native(), python.version),
              {fmt::format("`moat env upgrade-python -p {}` takes one that it admits",
                           shell_word(required->to_string()))});
}

// The requests as the user made them; for packages from a URL, that URL.
Goal goal_of(const InstalledDistributions& installed, const std::vector<ManifestRequest>& requests,
             Session& session) {
  Goal goal = read_goal({}, {}, {}, session);
  std::vector<NamedLine> lines;
  for (const InstalledDistribution& distribution : installed.all) {
    if (!distribution.requested) continue;
    const std::string& name = distribution.name.display();
    const std::string where = fmt::format("installed: {}", name);
    if (const auto from =
            distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt) {
      lines.push_back({fmt::format("{} @ {}", name, from->reference()), where});
      if (from->editable) goal.editables.insert(distribution.name);
      continue;
    }
    for (std::string& text : held_requests(distribution.name, requests, false))
      lines.push_back({std::move(text), where});
  }
  add_lines(lines, goal, session);
  return goal;
}

}  // namespace

int execute(const EnvUpgradePythonCommand&, Session& session) {
  const Environment environment = open_for_change(session, ForProject::Yes);
  const Manifest before = environment.manifest_without_files();
  const std::string version = environment.interpreter().version;
  Output& output = session.output();
  const std::optional<Interpreter> python = python_to_take(environment, session);
  if (!python) {
    output.say(fmt::format("{} has Python {}, the newest {} that is here", environment.root().native(),
                           version, environment.interpreter().major_minor()));
    output.note("`-p SPEC` names another, `moat python install SPEC` downloads one");
    if (output.json())
      output.document({{"schema", 1},
                       {"environment", environment.root().native()},
                       {"from", version},
                       {"to", version},
                       {"state", before.state},
                       {"summary", nlohmann::ordered_json::array()}});
    return 0;
  }
  check_project(environment, *python, session.settings());

  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  Goal goal = goal_of(installed, before.requests, session);
  const std::shared_future<Runtime> runtime = ready_runtime(obtain_runtime(
      *python, session.store(), session.workers(), session.reporter(), session.settings().compile));
  UndoFolders clones = prepare_sources(goal, *python, session, environment);
  const Resolution resolution =
      resolve_goal(goal, {}, target_of(*python), Present::of(environment, installed).versions, session);
  for (const std::string& note : resolution.notes) session.reporter().warn(note);
  TransactionRequest request =
      with_wheels(plan_install(goal, resolution, {}, false), {}, false, runtime, goal, session);
  request.requests = before.requests;
  check_commands(request, environment.root(), session.settings().command_places());

  const fs::path root = environment.root();
  bool lacks_bytecode = !runtime.get().is_compiled;
  const auto fill = [&](const Environment& staged) {
    expect_commands(staged.root(), root, session.settings().command_places());
    if (request.install.empty()) return;
    const TransactionResult result = apply(std::move(request), staged, session);
    lacks_bytecode = lacks_bytecode || result.lacks_bytecode;
  };
  const Environment made = create_environment(
      {.root = root,
       .prompt = environment.prompt() == root.filename().native() ? "" : environment.prompt(),
       .link_mode = session.settings().link_mode,
       .durable = session.settings().durable,
       .as_change = session.command_line(),
       .replace = true,
       .fill = fill},
      runtime.get(), session.workers());
  clones.keep();
  if (lacks_bytecode) session.lacks_bytecode(root);
  show_or_take_back(made, session.settings().command_places(), [&] {
    rollback(root, before.state, session.command_line(), session.settings().durable);
  });

  const std::vector<HistoryEntry> history = read_history(root);
  const std::vector<std::string> summary =
      history.empty() ? std::vector<std::string>() : history.front().summary;
  const int state = made.manifest_without_files().state;
  for (const std::string& change : summary) output.result(change);
  output.say(fmt::format("now at state {}; `{}` goes back", state,
                         "moat env rollback" + as_named(session.settings())));
  if (output.json())
    output.document({{"schema", 1},
                     {"environment", root.native()},
                     {"from", version},
                     {"to", python->version},
                     {"state", state},
                     {"summary", summary}});
  return 0;
}

}  // namespace moat
