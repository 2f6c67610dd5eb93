// Finds and opens the environment of a command, and tells the user if the choice may surprise.
#pragma once

#include "cli/session/session.h"
#include "cli/session/which_env.h"
#include "envs/environment/environment.h"
#include "envs/install/installed_graph.h"

#include <functional>

namespace moat {

// A foreign environment may be read, but not changed.
Environment open_for_reading(Session& session, ForProject project = ForProject::No);
Environment open_for_change(Session& session, ForProject project = ForProject::No);
// Creates the project's own if it does not exist.
Environment open_to_run(Session& session);

// The Python for an environment of the surrounding project, according to `-p`, the project and this machine.
// `of_lock`: the requirement of its lock. Error(NoInterpreter) if `-p` names one that requires-python
// excludes.
Interpreter project_python(Session& session, const std::optional<SpecifierSet>& of_lock = std::nullopt);

InstalledGraph graph_of(const Environment& environment, const InstalledDistributions& installed,
                        Session& session);

// Creates the folder's environment from --python or the default interpreter, and reports it.
Environment create_and_say(const std::filesystem::path& root, Session& session,
                           std::function<void(const Environment&)> fill = {},
                           const std::optional<SpecifierSet>& of_lock = std::nullopt);

}  // namespace moat
