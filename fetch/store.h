// The store: content-addressed, verified, unpacked, immutable. Safe for several processes at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/os/file.h"
#include "fetch/os/workers.h"
#include "fetch/store_layout.h"
#include "resolver/digest.h"
#include "resolver/pep/dist_filename.h"

namespace moat {

// One regular file of an unpacked tree; path relative to the tree, with '/'.
struct StoredFile {
  std::string path;
  Digest digest;            // sha256
  std::uint64_t size = 0;
  bool executable = false;
  std::int64_t mtime = 0;   // of the archive's entry, clamped to 1980..now; unix seconds
};

// A verified wheel, unpacked. Value; the tree may be read as long as the Store (its lock) lives.
struct StoredWheel {
  Digest digest;                    // sha256 of the .whl
  std::string filename;
  std::filesystem::path tree;       // …/wheels/<sha256>/tree
  std::string dist_info;            // "foo-1.0.dist-info"
  bool root_is_purelib = true;
  std::vector<StoredFile> files;    // sorted by path
};

struct StoreUsage {
  std::string kind;                 // "wheels", "pycs", "runtimes", "index", …
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

class Store {
 public:
  // Makes the folder (with a CACHEDIR.TAG) if needed, takes the shared lock for this object's life.
  // Error(Disk) where it is not writable; Error(BadInput) for a store of a newer format.
  explicit Store(fs::path root);

  const StoreLayout& layout() const { return layout_; }

  // The entry, after a cheap look that it is still what was put in (stat of its files against the manifest; where
  // that differs, hashes decide, and a damaged entry is dropped: nullopt).
  std::optional<StoredWheel> find_wheel(const Digest& sha256) const;

  // Verifies (zip directory, WHEEL, RECORD: STANDARDS 8) and unpacks a local wheel file whose sha256 is known to be
  // `sha256`, on `workers` by slices. Another process being first is fine. Throws Error(BadArchive) naming the
  // file and the entry. The .whl itself is not kept.
  StoredWheel add_wheel(const fs::path& wheel_file, const WheelFilename& name, std::string_view filename,
                        const Digest& sha256, Workers& workers);

  // Any other entry (bytecode, runtimes): `from`, a complete tree inside layout().tmp(), becomes `entry`, read-only;
  // dropped where the entry exists already.
  void publish(const fs::path& from, const fs::path& entry) const;

  // A fresh directory in tmp/.
  TempDir make_temp(std::string_view prefix) const;

  std::vector<StoreUsage> usage() const;
  struct Pruned {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
  };
  // Removes what was not used for `older_than` (and rubbish in tmp/); waits for other users of the store to end, at
  // most `patience`. Environments never point into the store, so everything may go.
  Pruned prune(std::chrono::seconds older_than, std::chrono::milliseconds patience);

 private:
  StoreLayout layout_;
  std::optional<FileLock> lock_;
};

}  // namespace moat
