// What the rooms below work with, of a session.
#pragma once

#include "cli/session/session.h"
#include "fetch/store/tools.h"

namespace moat {

// With the client that was asked for last: that of the indexes which the command is about.
inline Tools tools_of(Session& session) {
  return {session.http(), session.store(), session.workers(), session.reporter(), session.stop()};
}

}  // namespace moat
