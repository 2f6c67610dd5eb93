// Tells of the commands that a change shows in ~/.local/bin (envs/install/shown_commands.h).
#pragma once

#include "cli/session/session.h"
#include "envs/install/shown_commands.h"

namespace moat {

// Shows them for the first time; also says how to add ~/.local/bin to PATH if it is missing.
void show_new_commands(const Environment& environment, Session& session);

}  // namespace moat
