// An environment as a lock: its packages, and where an index has the same files.
#pragma once

#include "envs/environment/environment.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/name.h"
#include "resolver/solve/candidate.h"

#include <set>

namespace moat {

struct EnvironmentLock {
  Pylock lock;                      // for this one Python; each package with one wheel
  std::set<PackageName> requested;  // by name
};

// Error(ForeignEnvironment) for another tool's environment, because its files have no recorded hashes.
void check_has_hashes(const Environment& environment);

// Asks these indexes. Error(NotFound) names packages that no index has with the installed hash: nobody else
// can vouch for a wheel that was built here or came from a URL. Error(ForeignEnvironment) as above.
EnvironmentLock environment_lock(const Environment& environment, CandidateSource& source);

}  // namespace moat
