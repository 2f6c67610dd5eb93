// The facts about an environment's Python that are known without running it (envs/environment), for commands:
// its Python is asked where `--env` or MOAT_ENV names the environment.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/environment_facts.h"

namespace moat {

bool may_ask_python(const Environment& environment, const Settings& settings);
Target target_of(const Environment& environment, Session& session);
Interpreter interpreter_like(const Environment& environment, Session& session);

}  // namespace moat
