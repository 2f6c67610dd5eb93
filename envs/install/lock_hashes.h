// A lock has a hash for every file: those that no index promises are computed.
#pragma once

#include "fetch/store/tools.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/target.h"

namespace moat {

// Fetches and hashes the files that `target` may install from this resolution and that have no strong hash;
// chosen files stay in the store. Reports which packages have hashes that are not from an index.
void learn_missing_hashes(Resolution& resolution, const Target& target, const Tools& tools);

}  // namespace moat
