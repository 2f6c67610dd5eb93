// Finds what is missing from a lock without asking an index: a merge or an edit by hand may keep the lines
// and lose an entry.
#pragma once

#include "resolver/lock/lock_worlds.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/marker.h"

#include <string>
#include <vector>

namespace moat {

// The lines in `inputs` that apply there and that no entry meets: "`attrs<26`: the lock has attrs 26.1.0".
// REQUIRES: lock.inputs.
std::vector<std::string> unmet_lines(const Pylock& lock, const MarkerEnvironment& there,
                                     const WorldChoice& choice);

// Packages that an entry requires and that have no entry anywhere: "ecdsa 0.19.0 requires six, which is not
// in the lock".
std::vector<std::string> dangling_dependencies(const Pylock& lock);

}  // namespace moat
