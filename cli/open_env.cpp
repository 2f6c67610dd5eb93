#include "cli/open_env.h"

#include "cli/environment_facts.h"
#include "cli/project_files.h"
#include "cli/user_links.h"
#include "fetch/os/file.h"

#include <fmt/format.h>

namespace moat {
namespace {

Environment open_chosen(Session& session, ForProject project, Environment::Foreign foreign) {
  const ChosenEnvironment chosen = require_environment(session.settings(), project);
  if (chosen.note) session.output().say(*chosen.note);
  Environment environment = Environment::open(chosen.root, foreign);
  // What a crash, or a change that went back, left of the links is mended by whoever comes by next.
  // Those who only look mend nothing.
  if (session.settings().user && foreign == Environment::Foreign::Refused)
    show_user_commands(environment, session);
  return environment;
}

}  // namespace

bool show_user_commands(const Environment& environment, const Session& session) {
  return set_links(requested_commands(environment.manifest()), environment,
                   {session.settings().bin_dir, session.settings().data_dir});
}

Environment open_for_reading(Session& session, ForProject project) {
  return open_chosen(session, project, Environment::Foreign::Allowed);
}

Environment open_for_change(Session& session, ForProject project) {
  return open_chosen(session, project, Environment::Foreign::Refused);
}

Environment open_to_run(Session& session) {
  const Settings& settings = session.settings();
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings, ForProject::Yes);
  if (!chosen || chosen->by != ChosenBy::Project || Environment::exists_at(chosen->root))
    return open_for_reading(session, ForProject::Yes);
  if (chosen->note) session.output().say(*chosen->note);
  try {
    return create_and_say(chosen->root, session);
  } catch (const Error& error) {
    // Another run may have been quicker.
    if (error.kind() != ErrorKind::Exists || !Environment::exists_at(chosen->root)) throw;
    return Environment::open(chosen->root, Environment::Foreign::Allowed);
  }
}

InstalledGraph graph_of(const Environment& environment, const InstalledDistributions& installed,
                        Session& session) {
  for (const std::string& problem : installed.problems) session.reporter().warn(problem);
  // Release and version of the kernel are of no use here, and cost a call.
  return {installed, environment.is_foreign() ? target_of(environment, session).environment
                                              : environment.interpreter().markers};
}

Environment create_and_say(const fs::path& root, Session& session,
                           std::function<void(const Environment&)> fill) {
  const Settings& settings = session.settings();
  const Interpreter interpreter =
      session.chosen_interpreter(settings.user ? std::nullopt : required_python(settings));
  const Runtime runtime = obtain_runtime(interpreter, session.store(), session.workers(), session.reporter());
  make_directories(root.parent_path());
  const CreateOptions options{.root = root, .link_mode = settings.link_mode, .fill = std::move(fill)};
  Environment environment = create_environment(options, runtime, session.workers());
  session.output().say(
      fmt::format("created {} with Python {}", root.native(), environment.interpreter().version));
  return environment;
}

}  // namespace moat
