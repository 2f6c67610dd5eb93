// sha256 of files for which nobody promises a hash that could verify them later.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"

#include <stop_token>
#include <vector>

namespace moat {

// Of each, in the order given: what its URL gave before, as the store remembers, else it is fetched, side by
// side with the others, compared with what is promised of it (size, a weak digest), and not kept. A local
// file is read. Blocks; not from the pool. Errors: HashMismatch, Network, Offline, Disk.
std::vector<Digest> learn_hashes(const std::vector<Artifact>& artifacts, HttpClient& http, const Store& store,
                                 Workers& workers, Reporter& reporter, const std::stop_token& stop);

}  // namespace moat
