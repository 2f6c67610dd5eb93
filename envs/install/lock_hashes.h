// A lock has a hash of every file: those that no index promises are computed.
#pragma once

#include "fetch/store/tools.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/target.h"

namespace moat {

// Fetches and hashes the files that `target` may install from this resolution and that have no strong hash;
// what is chosen stays in the store. Tells for which packages the hashes are not an index's.
void learn_missing_hashes(Resolution& resolution, const Target& target, const Tools& tools);

}  // namespace moat
