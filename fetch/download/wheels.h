// Artifacts in, stored wheels out: download, verify, unpack, all overlapping.
#pragma once

#include "fetch/http/http.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

namespace moat {

// A wheel whose RECORD is wrong: its author was careless, or somebody changed it since.
enum class BadRecord {
  NeedsHash,  // used, with a warning, where a hash of sha256 or better vouches for the file; else refused
  Allowed,    // used, with a warning
  Ignored,    // not reported: the wheel will not be installed
};

struct WheelOrder {
  Artifact artifact;  // a wheel; http(s) or file URL
  std::vector<Digest>
      accepted;  // hashes of the user or a lock: one must match; empty: the artifact's own count
  BadRecord bad_record = BadRecord::NeedsHash;  // judged for each order: the store keeps it either way
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
