// What a lock lacks of what it was made from, seen without an index: a merge, or an edit by hand, may leave
// its lines as they are and take an entry away.
#pragma once

#include "resolver/lock/lock_worlds.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/marker.h"

#include <string>
#include <vector>

namespace moat {

// The lines in `inputs` that count there and have no entry that meets them: "`attrs<26`: the lock has
// attrs 26.1.0". REQUIRES: lock.inputs.
std::vector<std::string> unmet_lines(const Pylock& lock, const MarkerEnvironment& there,
                                     const WorldChoice& choice);

// Packages that an entry says it needs, and that have none, nowhere: "ecdsa 0.19.0 requires six, which is
// not in the lock".
std::vector<std::string> dangling_dependencies(const Pylock& lock);

}  // namespace moat
