// The store: content-addressed, verified, unpacked, immutable. Safe for several processes at once.
#pragma once

#include "fetch/archive/stored_file.h"
#include "fetch/os/file.h"
#include "fetch/os/workers.h"
#include "fetch/store/store_layout.h"
#include "fetch/store/url_memory.h"
#include "resolver/files/digest.h"
#include "resolver/pep/dist_filename.h"

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moat {

// A verified wheel, unpacked. Value; the tree may be read as long as the Store (its lock) lives.
struct StoredWheel {
  Digest digest;  // sha256 of the .whl
  std::string filename;
  std::filesystem::path tree;  // …/wheels/<sha256>/tree
  std::string dist_info;       // "foo-1.0.dist-info"
  bool root_is_purelib = true;
  std::vector<StoredFile> files;           // sorted by path
  std::vector<RecordFault> faults = {};    // of its RECORD
  std::vector<std::string> warnings = {};  // odd, but not wrong; told once, when the wheel is added
};

// A local wheel file whose sha256 is known.
struct WheelToAdd {
  fs::path file;
  WheelFilename name;
  std::string filename;
  Digest sha256;
};

struct StoreUsage {
  std::string kind;  // "wheels", "pycs", "runtimes", "index", …
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

// The rule for pruning the store; everything in tmp/ is removed too.
struct PruneRule {
  std::chrono::seconds older_than{0};            // entries not used for this long
  bool fetched = false;                          // what indexes can provide again, for caches between CI runs
  std::optional<std::uint64_t> most_bytes = {};  // the least recently used, until no more is left
};

class Store {
 public:
  // Makes the folder (with a CACHEDIR.TAG) if needed, and holds the shared lock for this object's life.
  // Error(Disk) if it is not writable; Error(BadInput) for a store of a newer format.
  explicit Store(fs::path root);

  const StoreLayout& layout() const { return layout_; }

  // The entry, after a cheap check that it is unchanged (stat of its files against the manifest; if that
  // differs, hashes decide, and a damaged entry is dropped: nullopt).
  std::optional<StoredWheel> find_wheel(const Digest& sha256) const;

  // Verifies (zip directory, WHEEL, METADATA, RECORD both ways) and unpacks a local wheel file on `workers`
  // by slices. Another process may be first. Throws Error(BadArchive) naming the file and the entry. The .whl
  // itself is not kept. May not be called from inside the pool.
  StoredWheel add_wheel(const fs::path& wheel_file, const WheelFilename& name, std::string_view filename,
                        const Digest& sha256, Workers& workers);

  // The same without waiting, so that many wheels share the pool: `done` is called exactly once, on a thread
  // of the pool. REQUIRES: the store and the pool live until then. Once `stop` is requested, no further slice
  // begins (Error(Interrupted)).
  using Added = std::variant<StoredWheel, std::exception_ptr>;
  void begin_add_wheel(WheelToAdd wheel, Workers& workers, std::stop_token stop,
                       std::function<void(Added)> done);

  // Any other entry (bytecode, runtimes): `from`, a complete tree inside layout().tmp(), becomes `entry`,
  // read-only; dropped if the entry exists already.
  void publish(const fs::path& from, const fs::path& entry) const;

  // The same, but replaces an entry that holds less; the old tree is at `from` afterwards.
  void replace(const fs::path& from, const fs::path& entry) const;

  // prune() goes by when an entry was last used. find_wheel() and publish() do this themselves.
  void mark_used(const fs::path& entry) const noexcept;

  // Records which wheel a digest other than sha256 ("md5:…") or the key of a build gave, by its sha256.
  std::optional<Digest> linked(std::string_view key) const;
  void link(std::string_view key, const Digest& sha256) const;
  // The results of URLs without hashes: wheels and source archives.
  UrlMemory& urls() { return urls_; }
  const UrlMemory& urls() const { return urls_; }

  // A fresh directory in tmp/.
  TempDir make_temp(std::string_view prefix) const;

  std::vector<StoreUsage> usage() const;

  // Every wheel in it, by file name; only reads their manifests.
  std::vector<StoredWheel> list_wheels() const;

  // Hashes every file of every wheel. Damaged entries are listed, and with `repair` dropped (they are fetched
  // again when needed).
  struct Damage {
    fs::path entry;
    std::string problem;  // "`foo/__init__.py` was changed"
  };
  std::vector<Damage> verify_wheels(Workers& workers, bool repair) const;

  struct Pruned {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
  };
  // Removes what the rule selects; waits for other users of the store to finish, at most `patience`, then
  // Error(Busy). Environments never point into the store, so everything may be removed.
  Pruned prune(const PruneRule& rule, std::chrono::milliseconds patience);
  Pruned prune(std::chrono::seconds older_than, std::chrono::milliseconds patience) {
    return prune(PruneRule{.older_than = older_than}, patience);
  }
  // What prune() would remove now.
  Pruned prunable(const PruneRule& rule) const;
  // Is somebody waiting to prune? A long-running background worker stops for it.
  bool is_to_be_pruned() const;
  // These wheels, with their bytecode, in the same way.
  Pruned remove_wheels(const std::vector<StoredWheel>& wheels, std::chrono::milliseconds patience);

 private:
  void prepare() const;
  void refuse_links() const;
  std::optional<StoredWheel> read_entry(const Digest& sha256) const;
  void drop(const fs::path& entry) const;
  FileLock announce_pruning(std::chrono::milliseconds patience) const;
  StoredWheel admit(const fs::path& entry, StoredWheel wheel) const;

  StoreLayout layout_;
  UrlMemory urls_;
  std::optional<FileLock> lock_;
};

}  // namespace moat
