// The Python of an environment that is there against what the project, or -p, asks for.
#pragma once

#include "cli/session/session.h"
#include "cli/session/which_env.h"
#include "envs/environment/environment.h"
#include "resolver/pep/specifier.h"

#include <optional>
#include <string>

namespace moat {

// Of the environment found here, else the one that would be chosen for a new one.
Interpreter interpreter_here(Session& session);

// As requires-python is meant: of a pre-release the release counts.
bool admits(const SpecifierSet& required, const Interpreter& python);

// Error(NoInterpreter) where `-p` was typed and means another Python than the environment has: nothing
// changes the Python of an environment.
void check_python_option(const Environment& environment, Session& session);

// Error(NoInterpreter) where requires-python of the project's pyproject.toml excludes the environment's
// Python. `otherwise`: a command that goes on all the same, "" for none.
void check_required_python(const Environment& environment, Session& session,
                           const std::string& otherwise = "");

}  // namespace moat
