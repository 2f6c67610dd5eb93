// Sources to build: fetched, verified and unpacked; and the metadata that they give.
#pragma once

#include "fetch/http/http.h"
#include "fetch/sources/git.h"
#include "fetch/sources/source_builder.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"
#include "resolver/files/static_metadata.h"
#include "resolver/solve/candidate.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace moat {

// One source, as a file that an index lists or as what a URL names.
struct SourceOrder {
  Artifact artifact;                  // of an archive; else its URL alone
  std::optional<SourceUrl> direct;    // of a URL
  std::vector<Digest> accepted = {};  // hashes of the user or a lock: one must match
  std::string label = {};             // for messages; "" : by its file name or URL

  static SourceOrder of(const ReleaseFile& file);
  static SourceOrder of(const SourceUrl& source);
};

struct ObtainedSource {
  SourceTree tree;
  SourceFiles files;
  std::optional<Digest> sha256;  // of the archive
  std::uint64_t size = 0;        // of the archive
  std::string commit;            // of a checkout
};

// Is it a project without a pyproject.toml? It has a setup.py, or a setup.cfg that describes a package (many
// only hold settings of other tools).
bool is_setuptools_project(const std::filesystem::path& folder);

// Thread-safe; each source is fetched once per object, and its tree lives as long as this. Archives and
// mirrors of repositories are kept in the store, so that a second time needs no network.
class Sources {
 public:
  // Keeps references to all of these.
  Sources(HttpClient& http, Store& store, Reporter& reporter, GitOptions git);
  ~Sources();
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  // Blocks; must not be called from the pool of workers. Runs nothing of the source. Errors: HashMismatch,
  // BadArchive, Network, Offline; NotFound for a missing folder; BadInput if it is not a source tree; those
  // of Git.
  const ObtainedSource& obtain(const SourceOrder& order, const std::stop_token& stop);

  // Is the archive local, so that it can be had without network?
  bool has_archive(const SourceOrder& order, const std::stop_token& stop) const;

  // Clones a repository into a folder of the user's, `into` (must not exist), at the requested revision.
  void clone(const SourceUrl& source, const std::filesystem::path& into, const std::stop_token& stop);

 private:
  struct Slot;
  ObtainedSource bring(const SourceOrder& order, const std::stop_token& stop);
  ObtainedSource bring_archive(const SourceOrder& order, const std::stop_token& stop);
  ObtainedSource bring_checkout(const SourceOrder& order, const std::stop_token& stop);
  std::optional<Digest> find_stored(const SourceOrder& order, const std::stop_token& stop) const;
  bool is_whole_in_store(const Digest& sha256, const std::stop_token& stop) const;
  Digest fetch_archive(const SourceOrder& order, const std::stop_token& stop);
  std::optional<std::filesystem::path> archive_in_store(const Digest& sha256) const;
  std::filesystem::path fresh_folder();

  HttpClient& http_;
  Store& store_;
  Reporter& reporter_;
  Git git_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
  std::vector<TempDir> trees_;
};

// Answers the questions that only a build can answer.
struct MetadataAsker {
  SourceBuilder* builder = nullptr;  // nullptr: nobody
  std::string refusal = {};          // why there is none: "`--no-build` forbids it"
  bool may_build = true;             // false: only use what the builder already knows
};

// What may be built, and how.
struct SourcePolicy {
  SourceBuilder* builder = nullptr;                      // nullptr: nothing can be built
  std::string refusal = {};                              // why, as a clause
  std::function<bool(const PackageName&)> forbids = {};  // --only-binary; empty: nothing
  ConfigSettings settings = {};                          // of all packages
  std::map<PackageName, ConfigSettings> settings_of = {};
  std::map<PackageName, std::vector<Digest>> accepted = {};  // hashes that the user or a lock gives
  bool may_build = true;  // false: fetch or build nothing to learn requirements

  MetadataAsker asker(const PackageName& name) const;
  ConfigSettings settings_for(const PackageName& name) const;
  std::vector<Digest> accepted_for(const PackageName& name) const;
};

// METADATA: as the source gives it itself, else by the builder. `name`, `version`: the expected ones.
// Error(Refused) if a build is needed but not allowed.
std::string source_metadata(const ObtainedSource& source, const std::optional<PackageName>& name,
                            const std::optional<Version>& version, const ConfigSettings& settings,
                            const MetadataAsker& asker, const std::stop_token& stop);

}  // namespace moat
