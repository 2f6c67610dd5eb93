// METADATA of a wheel that is not here, for as few bytes as possible.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/background.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"
#include "resolver/pep/dist_filename.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

namespace moat {

// The wheel can be read, and is none: that one release is out, with this reason.
struct UnusableWheel {
  std::string reason;
};

// The header of METADATA (what follows the first empty line is cut off), or why there is none.
using MetadataAnswer = std::variant<std::string, UnusableWheel, Error>;

// Looks, in this order, into
//   the store (a wheel of that digest), the metadata cache, a wheel beside us (file: URL),
//   the sidecar file (PEP 658; its hash is verified),
//   the wheel itself by byte ranges: its tail, seldom a second and third piece,
//   the whole wheel, which then is in the store for the install to come.
// A host that does not do ranges is asked for them once. Thread-safe.
class RemoteMetadata {
 public:
  // Keeps references to all of these; `background` is closed by its owner before any of them goes.
  RemoteMetadata(HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
                 std::shared_ptr<Background> background, bool offline, std::stop_token stop);
  // REQUIRES: the background is closed.
  ~RemoteMetadata();

  // Downloads of whole wheels stop at once; for the moment before the background is closed.
  void cancel();

  // `done` is called exactly once, on a thread of the pool (or of the network), unless the background was
  // closed.
  void fetch(Artifact wheel, WheelFilename name, std::function<void(MetadataAnswer)> done);

 private:
  class Job;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// METADATA of a local wheel file.
MetadataAnswer read_wheel_metadata(const std::filesystem::path& wheel_file, const WheelFilename& name);

// Everything up to and with the first empty line. Descriptions may be megabytes; nobody resolves by them.
std::string_view metadata_header(std::string_view text);

}  // namespace moat
