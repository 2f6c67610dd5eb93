// An environment as a lock: what is in it, and where an index has the same files.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/environment.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/name.h"

#include <set>

namespace moat {

struct EnvironmentLock {
  Pylock lock;                      // for this one Python; each package with one wheel
  std::set<PackageName> requested;  // by name
};

// Asks the indexes of the session. Error(NotFound) names what none of them has with the hash that is
// installed: what was built here, or came from a URL, nobody else can vouch for. Error(ForeignEnvironment)
// for another tool's, as nothing says what its files are.
EnvironmentLock environment_lock(const Environment& environment, Session& session);

}  // namespace moat
