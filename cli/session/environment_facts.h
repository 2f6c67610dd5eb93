// What is known of an environment's Python without running it.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/environment.h"

namespace moat {

// May its Python be started only to ask it something? Where `--env` or MOAT_ENV names it; else only in an
// environment that moat made and that belongs to us: one that was found may have come with a checkout, or be
// another user's.
bool may_ask_python(const Environment& environment, const Session& session);

// What its packages are for: of moat's own by their facts; of others as their Python says where it may be
// asked, else by what pyvenv.cfg and the folders say, and tables.
Target target_of(const Environment& environment, Session& session);

// A Python like the environment's, to resolve and build with: its own, or where that may not be asked one of
// this machine of the same version. Error(NoInterpreter) where there is none.
Interpreter interpreter_like(const Environment& environment, Session& session);

}  // namespace moat
