// The commands of environments in ~/.local/bin (envs/install/shown_commands.h), and what is said of them.
#pragma once

#include "cli/session/session.h"
#include "envs/install/shown_commands.h"

#include <functional>

namespace moat {

// show_or_take_back(); also says how to add ~/.local/bin to PATH if it is missing.
void show_new_commands(const Environment& environment, Session& session,
                       const std::function<void()>& take_back);

}  // namespace moat
