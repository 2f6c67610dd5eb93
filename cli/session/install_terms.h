// The InstallRequest of a command: its settings, and the options of its requirements files.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "envs/install/install_request.h"

namespace moat {

// The user's own options override those of files. Build constraints are left out, since they are files
// themselves.
InstallRequest install_request(const Goal& goal, const Settings& settings);

// With build constraints: for builds, and for keys of their results.
InstallRequest whole_install_request(const Goal& goal, Session& session);

}  // namespace moat
