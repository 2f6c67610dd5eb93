// METADATA of a remote wheel, for as few bytes as possible.
#pragma once

#include "fetch/http/http.h"
#include "fetch/index/wheel_metadata.h"
#include "fetch/os/background.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"
#include "resolver/pep/dist_filename.h"

#include <functional>
#include <memory>
#include <stop_token>

namespace moat {

// Looks, in this order, into
//   the store (a wheel of that digest), the metadata cache, a wheel beside us (file: URL),
//   the sidecar file (PEP 658; its hash is verified),
//   the wheel itself by byte ranges: its tail, seldom a second and third piece,
//   the whole wheel, which then is in the store for the install to come.
// Whether a host supports ranges is tried once. Thread-safe.
class RemoteMetadata {
 public:
  // Keeps references to all of these; their owner closes `background` before any of them is destroyed.
  RemoteMetadata(HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
                 std::shared_ptr<Background> background, bool offline, std::stop_token stop);
  // REQUIRES: the background is closed.
  ~RemoteMetadata();
  RemoteMetadata(const RemoteMetadata&) = delete;
  RemoteMetadata& operator=(const RemoteMetadata&) = delete;

  // Stops downloads of whole wheels at once; call this before the background is closed.
  void cancel();

  // `done` is called exactly once, on a thread of the pool (or of the network), unless the background was
  // closed.
  void fetch(Artifact wheel, WheelFilename name, std::function<void(MetadataAnswer)> done);

 private:
  class Job;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace moat
