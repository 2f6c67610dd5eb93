// The tools of a session for the lower rooms.
#pragma once

#include "cli/session/session.h"
#include "envs/install/goal.h"
#include "fetch/store/tools.h"

namespace moat {

// With the client for these indexes.
Tools tools_for(const IndexList& indexes, Session& session);
// For those of the settings and of the goal's files.
Tools tools_for(const Goal& goal, Session& session);

}  // namespace moat
