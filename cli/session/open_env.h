// The environment a command works on, found, opened, and told about where that may surprise.
#pragma once

#include "cli/session/session.h"
#include "cli/session/which_env.h"
#include "envs/environment/environment.h"
#include "envs/install/installed_graph.h"

#include <functional>

namespace moat {

// Reading a foreign environment is fine; changing one is refused.
Environment open_for_reading(Session& session, ForProject project = ForProject::No);
Environment open_for_change(Session& session, ForProject project = ForProject::No);
// The project's own is made where it is not there.
Environment open_to_run(Session& session);

// The Python for an environment of the project around, as `-p`, the project and this machine have it.
// `of_lock`: what the lock requires that it is made for. Error(NoInterpreter) where `-p` names one that
// requires-python excludes.
Interpreter project_python(Session& session, const std::optional<SpecifierSet>& of_lock = std::nullopt);

InstalledGraph graph_of(const Environment& environment, const InstalledDistributions& installed,
                        Session& session);

// Creates the folder's environment from --python or the default interpreter, and says so.
Environment create_and_say(const std::filesystem::path& root, Session& session,
                           std::function<void(const Environment&)> fill = {},
                           const std::optional<SpecifierSet>& of_lock = std::nullopt);

}  // namespace moat
