// What the resolver asks of the world, and the values it gets back.
#pragma once

#include "resolver/files/artifact.h"
#include "resolver/files/source_url.h"
#include "resolver/pep/dist_filename.h"
#include "resolver/pep/name.h"
#include "resolver/pep/requirement.h"
#include "resolver/pep/specifier.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// One file of a release, its name taken apart.
struct ReleaseFile {
  Artifact artifact;
  std::optional<WheelFilename> wheel;  // nullopt: a source distribution
  // Set if a URL names it: an archive, a folder, a commit. nullptr: a file listed by an index, of which there
  // may be very many.
  std::shared_ptr<const SourceUrl> direct = {};

  // Learning what it requires may take a build, which takes minutes and runs its code: only done for chosen
  // candidates, never in advance.
  bool may_need_build() const { return !wheel; }
};

// What decides whether a file may be chosen, without its name, URL and hashes.
struct FileTraits {
  const std::vector<Tag>* tags = nullptr;  // a wheel's; nullptr: a source distribution
  std::string_view requires_python;        // as written by the index; "" when absent
  std::optional<UnixTime> upload_time;
  bool yanked = false;
  bool direct = false;  // it is what a URL names

  bool is_wheel() const { return tags != nullptr; }
  bool may_need_build() const { return !is_wheel(); }  // as ReleaseFile says it
};

// Makes the files of releases that are known by their traits.
class FilesBehind {
 public:
  FilesBehind() = default;
  FilesBehind(const FilesBehind&) = delete;
  FilesBehind& operator=(const FilesBehind&) = delete;
  // `place`: as the release was given it. Thread-safe. Throws Error(Disk) where they cannot be read.
  virtual std::vector<ReleaseFile> files_of(const Version& version, std::span<const FileTraits> traits,
                                            std::size_t place) const = 0;

 protected:
  virtual ~FilesBehind() = default;
};

// All files of one version, as the index lists them, unfiltered. A page may list very many and
// the resolver looks at few, so files are made on demand; their traits are available from the
// start.
class Release {
 public:
  Release(Version its_version, std::vector<ReleaseFile> files);
  // `traits` and `behind` outlive it.
  Release(Version its_version, std::span<const FileTraits> traits, std::size_t place,
          const FilesBehind& behind)
      : version(std::move(its_version)), traits_(traits), place_(place), behind_(&behind) {}
  ~Release() = default;
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;

  const Version version;

  // Of each file, in the order of the files.
  std::span<const FileTraits> traits() const { return traits_; }
  // Thread-safe; the first call may throw Error(Disk), and so does each until one succeeds.
  const std::vector<ReleaseFile>& files() const;

 private:
  std::span<const FileTraits> traits_;
  std::size_t place_ = 0;
  const FilesBehind* behind_ = nullptr;  // nullptr: the files were given
  std::vector<FileTraits> own_traits_;
  mutable std::once_flag once_;
  mutable std::vector<ReleaseFile> files_;
};

// A project as one index (plus find-links) shows it.
struct Project {
  PackageName name;
  std::vector<std::shared_ptr<const Release>> releases;  // oldest first, versions unique
  std::string index;                  // display URL of the index that won; "" for find-links only
  std::string status, status_reason;  // PEP 792; "" is active
  std::string made_of = {};  // equal texts, equal projects: hashes of its pages; "" if that is not known
};

// The dependencies of one file.
struct ReleaseMetadata {
  std::vector<Requirement> requires_dist;
  std::optional<SpecifierSet> requires_python;
  std::vector<ExtraName> provides_extra;
  std::vector<std::string> mended;  // told to the user once the release is chosen
  std::optional<std::string>
      unusable;  // why this release can never be chosen (garbage, wrong name or version)
};

// The world behind the resolver. Not thread-safe: only the resolver's thread calls it; implementations work
// in the background and hand results over in wait().
//
// Asking is cheap and idempotent; order of asking is priority. What find_… returns stays valid as long as the
// source. A world failure (network, offline) is thrown by find_… of the thing that failed, never by wait();
// so what was only asked for in advance and not needed in the end fails nothing.
class CandidateSource {
 public:
  CandidateSource() = default;
  CandidateSource(const CandidateSource&) = delete;
  CandidateSource& operator=(const CandidateSource&) = delete;
  virtual ~CandidateSource() = default;

  // From now on the project comes from this URL: one release, no index asked. Called before request_project
  // of that name; repeating the same URL has no effect. If a dependency turns out to name a URL, it may be
  // called after request_project: the index's page is then dropped (find_project gives nullptr until the
  // URL's comes) and request_project is called again. A page of the index that is still underway may arrive,
  // but is never found. Results of find_… from before stay valid.
  virtual void pin_to_url(const PackageName& name, const std::string& url) = 0;

  // The project comes from the index again; it must be requested again.
  virtual void unpin(const PackageName& name) = 0;

  virtual void request_project(const PackageName& name) = 0;
  // `file` is the one the resolver would install (or, for an sdist, build).
  virtual void request_metadata(const PackageName& name, const Release& release, const ReleaseFile& file) = 0;

  // nullptr: asked for, not here yet. A project that no index knows is a Project without releases.
  virtual const Project* find_project(const PackageName& name) = 0;
  virtual const ReleaseMetadata* find_metadata(const PackageName& name, const Release& release) = 0;

  // From now on no source is fetched or built to learn its requirements: if they are not already known,
  // find_metadata (or find_project, if a URL names the source) throws Error(Refused).
  virtual void stop_building() = 0;

  // What arrived: a project's page (release is nullptr) or a release's metadata (failures included).
  struct Arrival {
    PackageName name;
    const Release* release = nullptr;
  };
  // Blocks until something asked for arrives. REQUIRES: something is outstanding.
  // Throws Error(Interrupted) when the run is being stopped.
  virtual Arrival wait() = 0;
};

// The page of a project that was requested, once it is here. Throws what find_project() and wait() throw.
const Project& wait_for(const PackageName& name, CandidateSource& source);

}  // namespace moat
