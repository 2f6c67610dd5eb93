// Artifacts in, stored wheels out: download, verify, unpack, all overlapping.
#pragma once

#include "fetch/http.h"
#include "fetch/store.h"
#include "resolver/artifact.h"
#include "resolver/reporter.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

namespace moat {

struct WheelOrder {
  Artifact artifact;  // a wheel; http(s) or file URL
  std::vector<Digest>
      accepted;  // hashes of the user or a lock: one must match; empty: the artifact's own count
};

// Each wheel from the store if it is there (by its sha256, or by what its URL gave before), else downloaded
// to tmp/ while being hashed, checked (size, digests; Error(HashMismatch) names both), and unpacked by
// `workers` while other downloads go on; biggest first. Results in the order given. On the first failure the
// rest is cancelled and its Error thrown. Offline and not stored: Error(Offline) that lists everything
// missing at once. `obtained`: called on the calling thread with each wheel as soon as it is in the store,
// each once; must be quick.
std::vector<StoredWheel> obtain_wheels(const std::vector<WheelOrder>& orders, HttpClient& http, Store& store,
                                       Workers& workers, Reporter& reporter, std::stop_token stop = {},
                                       const std::function<void(const StoredWheel&)>& obtained = {});

}  // namespace moat
