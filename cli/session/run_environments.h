// The environment of a run (envs/install/run_environments.h), by the user's settings.
#pragma once

#include "cli/session/session.h"
#include "envs/install/run_environments.h"

namespace moat {

// Created if missing. Throws as an installation does; if the network fails, an older answer is used.
RunEnvironment obtain_run_environment(RunQuestion question, Session& session);

}  // namespace moat
