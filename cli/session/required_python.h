// Compares the Python of an existing environment with the one that the project, or -p, requires.
#pragma once

#include "cli/session/session.h"
#include "cli/session/which_env.h"
#include "envs/environment/environment.h"
#include "resolver/pep/specifier.h"

#include <optional>
#include <string>

namespace moat {

// The Python of the environment found here, else the one for a new environment.
Interpreter interpreter_here(Session& session);

// As requires-python defines it: a pre-release counts as its release.
bool admits(const SpecifierSet& required, const Interpreter& python);

// Error(NoInterpreter) if `-p` was typed and means another Python than the environment's: the Python of an
// environment cannot be changed.
void check_python_option(const Environment& environment, Session& session);

// Error(NoInterpreter) if requires-python of the project's pyproject.toml excludes the environment's Python.
// `otherwise`: a command that works nevertheless, "" for none.
void check_required_python(const Environment& environment, Session& session,
                           const std::string& otherwise = "");

}  // namespace moat
