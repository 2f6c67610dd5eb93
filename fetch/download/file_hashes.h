// sha256 of files that have no promised hash strong enough to verify them later.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"

#include <stop_token>
#include <vector>

namespace moat {

// One for each, in the order given: the one that the store remembers for its URL, else the file is fetched,
// in parallel with the others, checked against its known size and weak digests, and not kept. A local file is
// read. Blocks; not from the pool. Errors: HashMismatch, Network, Offline, Disk.
std::vector<Digest> learn_hashes(const std::vector<Artifact>& artifacts, HttpClient& http, const Store& store,
                                 Workers& workers, Reporter& reporter, const std::stop_token& stop);

}  // namespace moat
