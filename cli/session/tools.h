// The tools of a session for the lower rooms.
#pragma once

#include "cli/session/session.h"
#include "fetch/store/tools.h"

namespace moat {

// With the client requested last: that of the command's indexes.
inline Tools tools_of(Session& session) {
  return {session.http(), session.store(), session.workers(), session.reporter(), session.stop()};
}

// With the client for these indexes.
inline Tools tools_for(const IndexList& indexes, Session& session) {
  return {session.http(indexes), session.store(), session.workers(), session.reporter(), session.stop()};
}

}  // namespace moat
