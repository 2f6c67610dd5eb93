// The InstallRequest of a command: its settings, and what its requirements files say.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "envs/install/install_request.h"

namespace moat {

// The user's own words win over those of files. The constraints of builds are left out, as they are files
// themselves.
InstallRequest install_request(const Goal& goal, const Settings& settings);

// With them: what a build, or the key of something built, depends on.
InstallRequest whole_install_request(const Goal& goal, Session& session);

}  // namespace moat
