// The facts about an environment's Python that are known without running it.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/environment.h"

namespace moat {

// May its Python be started just to ask it something? If `--env` or MOAT_ENV names the environment; else
// only if moat made it and it belongs to us: one that was found may be part of a checkout, or another
// user's.
bool may_ask_python(const Environment& environment, const Session& session);

// The target of its packages: for moat's own from their facts; for others from their Python if it may be
// asked, else from pyvenv.cfg, the folders, and tables.
Target target_of(const Environment& environment, Session& session);

// A Python to resolve and build with: the environment's own or, if that may not be asked, one of this machine
// with the same version. Error(NoInterpreter) if there is none.
Interpreter interpreter_like(const Environment& environment, Session& session);

}  // namespace moat
