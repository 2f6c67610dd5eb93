// Every name and path the store uses, and the format version: the only place that knows the layout
// (docs/store.md).
#pragma once

#include "resolver/files/digest.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace moat {

// STORE/
//   format                             "1\n"
//   lock                               shared by users, exclusive for prune
//   pruning                            exclusive while somebody prunes, or waits to
//   worker                             exclusive while somebody works jobs off
//   jobs/<sha256>                      what is to be made behind commands (fetch/store/store_jobs.h)
//   wheels/<sha256>/{tree/…,manifest}  unpacked, verified, read-only
//   pycs/<sha256>/<cache_tag>-<magic>/{tree/…,manifest}  bytecode of that wheel
//   pycs/<sha256>/<cache_tag>-<magic>-<sha256>/…         the same out of a bundle, by the digest of its blob
//   runtimes/<fingerprint>/{tree/…,manifest,facts.json,pack}
//   spares/<fingerprint>/{rt/…,list}   one copy of a runtime, ready to be an environment's
//                                      (envs/python/spare.h)
//   interpreters/                      probe results
//   links/<sha256 of url>              which wheel digest a URL gave
//   index/                             HTTP cache, digested pages, and locks made of them
//   sources/<sha256>/FILE              source archives as they came
//   originals/<sha256>                 wheels as they came, and blobs of registries
//   environments/                      those of `moat run` (envs/install/run_environments.h)
//   git/<sha256 of url>/               a bare mirror of each repository
//   metadata/                          METADATA texts by file digest or URL
//   builds/                            locks of builds
//   logs/                              what failed builds said
//   tmp/                               on the way in; swept when older than a day
struct StoreLayout {
  std::filesystem::path root;

  std::filesystem::path lock() const { return root / "lock"; }
  std::filesystem::path pruning() const { return root / "pruning"; }
  std::filesystem::path wheel(const Digest& sha256) const { return root / "wheels" / sha256.hex; }
  std::filesystem::path pycs(const Digest& sha256, std::string_view cache_key) const {
    return root / "pycs" / sha256.hex / cache_key;
  }
  std::filesystem::path runtime(std::string_view fingerprint) const {
    return root / "runtimes" / fingerprint;
  }
  std::filesystem::path spare(std::string_view fingerprint) const { return root / "spares" / fingerprint; }
  std::filesystem::path interpreters() const { return root / "interpreters"; }
  std::filesystem::path index() const { return root / "index"; }
  std::filesystem::path kept_locks() const { return index() / "locks"; }
  std::filesystem::path metadata() const { return root / "metadata"; }
  std::filesystem::path source(const Digest& sha256) const { return root / "sources" / sha256.hex; }
  std::filesystem::path git() const { return root / "git"; }
  std::filesystem::path links() const { return root / "links"; }
  std::filesystem::path builds() const { return root / "builds"; }
  std::filesystem::path logs() const { return root / "logs"; }
  std::filesystem::path tmp() const { return root / "tmp"; }
};

inline constexpr int kStoreFormat = 1;

}  // namespace moat
