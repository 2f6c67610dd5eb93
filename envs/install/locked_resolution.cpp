#include "envs/install/locked_resolution.h"

#include "fetch/bytes/hasher.h"
#include "fetch/index/index_source.h"
#include "fetch/os/file.h"
#include "fetch/sources/sources.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

namespace moat {
namespace {

bool is_wheel(const std::string& filename) { return filename.ends_with(".whl"); }

// The origin of a file or a repository: the path, as the specification says. If the path does not exist (any
// more) the URL may work; the hash or the commit shows whether it is the same.
Expected<Url> place_of(const std::string& path, const std::string& url, const fs::path& lock_directory) {
  const fs::path local = (lock_directory / path).lexically_normal();
  std::error_code ignored;
  if (!path.empty() && (url.empty() || fs::exists(local, ignored))) return Url::from_path(local.native());
  return Url::parse(url);
}

Artifact artifact_of(const LockedFile& file, const fs::path& lock_directory) {
  const Expected<Url> url = place_of(file.path, file.url, lock_directory);
  if (!url)
    throw Error(ErrorKind::BadInput,
                fmt::format("{}: {}", quote(hide_credentials(file.url)), url.error().message));
  return {.filename = file.name,
          .url = *url,
          .digests = file.hashes,
          .size = file.size,
          .upload_time = file.upload_time};
}

Error bad_entry(const LockedPackage& package, const std::string& why) {
  return Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(package.name.display()), why));
}

// The direct reference of the entry, if it has one.
// nullptr: it comes from an index.
std::shared_ptr<const SourceUrl> source_of(const LockedPackage& package, const fs::path& lock_directory) {
  if (!package.direct) return nullptr;
  const DirectSource& direct = *package.direct;
  SourceUrl out;
  out.subdirectory = direct.subdirectory;
  const std::string& path = direct.kind == DirectSourceKind::Archive ? direct.archive.path : direct.path;
  const std::string& url = direct.kind == DirectSourceKind::Archive ? direct.archive.url : direct.url;
  const Expected<Url> where = place_of(path, url, lock_directory);
  if (!where) throw bad_entry(package, where.error().message);
  out.url = *where;
  switch (direct.kind) {
    case DirectSourceKind::Vcs: {
      if (direct.vcs_type != "git")
        throw bad_entry(package,
                        fmt::format("moat takes sources from git only, not from {}", direct.vcs_type));
      out.kind = SourceKind::Git;
      out.commit = direct.commit_id;
      out.revision = direct.requested_revision;
      const Expected<SourceUrl> again = SourceUrl::parse(pinned_text(out));
      if (!again || again->revision != out.commit || out.commit.size() < 40)
        throw bad_entry(package, again ? "its commit-id is not one" : again.error().message);
      break;
    }
    case DirectSourceKind::Directory:
      out.kind = SourceKind::Directory;
      break;
    case DirectSourceKind::Archive:
      out.kind = is_wheel(direct.archive.name) ? SourceKind::Wheel : SourceKind::Archive;
      break;
  }
  return std::make_shared<const SourceUrl>(std::move(out));
}

// A folder's version is read now; that may take a build.
Version learn_version(const LockedPackage& package, const SourceUrl& source, const LockedTools& with) {
  const SourcePolicy& policy = with.sources.policy;
  const ObtainedSource& obtained = with.sources.sources->obtain(SourceOrder::of(source), with.tools.stop);
  const auto core = CoreMetadata::parse(source_metadata(obtained, package.name, std::nullopt,
                                                        policy.settings_for(package.name),
                                                        policy.asker(package.name), with.tools.stop));
  if (!core || core->name != package.name)
    throw bad_entry(package, core ? "its source is " + quote(core->name.display()) : core.error().message);
  return core->version;
}

// Exactly the files of the lock, as find-links: by name and hash.
class NearFiles {
 public:
  explicit NearFiles(const LockedTools& with) {
    const Tools& tools = with.tools;
    if (!with.near.indexes.find_links.empty())
      source_.emplace(with.near, tools.http, tools.store, tools.workers, tools.reporter, tools.stop);
  }

  std::optional<Url> find(const PackageName& name, const LockedFile& file) {
    if (!source_) return std::nullopt;
    source_->request_project(name);
    for (const auto& release : wait_for(name, *source_).releases)
      for (const ReleaseFile& one : release->files())
        if (one.artifact.filename == file.name && is_same(one.artifact, file)) return one.artifact.url;
    return std::nullopt;
  }

 private:
  static bool is_same(const Artifact& here, const LockedFile& locked) {
    const auto is_locked = [&](const Digest& digest) {
      return std::find(locked.hashes.begin(), locked.hashes.end(), digest) != locked.hashes.end();
    };
    if (std::any_of(here.digests.begin(), here.digests.end(), is_locked)) return true;
    return here.url.scheme() == "file" && is_locked(hash_file(here.url.file_path()));
  }

  std::optional<IndexSource> source_;
};

bool is_in_store(const Artifact& artifact, const LockedTools& with) {
  for (const Digest& digest : artifact.digests)
    if (digest.algorithm == "sha256" && with.tools.store.find_wheel(digest)) return true;
  return !is_wheel(artifact.filename) &&
         with.sources.sources->has_archive({.artifact = artifact, .direct = {}}, with.tools.stop);
}

// A file from an index, under --find-links and --no-index.
void take_near(const LockedPackage& package, const LockedFile& file, Artifact& artifact, NearFiles& near,
               const LockedTools& with) {
  if (artifact.url.scheme() == "file") return;
  if (auto found = near.find(package.name, file)) {
    artifact.url = std::move(*found);
    return;
  }
  if (!with.only_near || is_in_store(artifact, with)) return;
  throw Error(ErrorKind::NotFound,
              fmt::format("--no-index: no --find-links place has {} with the hash that the lock has for it",
                          quote(file.name)),
              {fmt::format("without `--no-index` it comes from {}", artifact.url.display())});
}

ResolvedPackage as_resolved(const SelectedPackage& one, const fs::path& lock_directory, NearFiles& near,
                            const LockedTools& with) {
  const LockedPackage& package = *one.package;
  ReleaseFile file;
  file.direct = source_of(package, lock_directory);
  file.artifact =
      one.file != nullptr ? artifact_of(*one.file, lock_directory) : SourceOrder::of(*file.direct).artifact;
  if (one.file != nullptr && !package.direct) take_near(package, *one.file, file.artifact, near, with);
  std::optional<Version> version = package.version;
  std::vector<Digest> accepted;
  if (one.file != nullptr && is_wheel(one.file->name)) {
    Expected<WheelFilename> wheel = WheelFilename::parse(one.file->name);
    if (!wheel) throw bad_entry(package, wheel.error().message);
    if (!version) version = wheel->version;
    file.wheel = std::move(*wheel);
    accepted = one.file->hashes;
  } else if (!version) {
    version = file.direct ? learn_version(package, *file.direct, with)
                          : SdistFilename::parse(one.file->name, package.name)->version;
  }
  return {package.name, *version, nullptr, std::move(file), {}, {}, {}, package.index, std::move(accepted)};
}

}  // namespace

Goal locked_goal(const std::vector<SelectedPackage>& selected) {
  std::set<PackageName> needed;
  for (const SelectedPackage& one : selected)
    for (const auto& [name, version] : one.package->dependencies) needed.insert(name);
  Goal goal;
  for (const SelectedPackage& one : selected) {
    const LockedPackage& package = *one.package;
    RootRequirement root{*Requirement::parse(package.name.display()), {}, {}};
    if (package.direct && package.direct->editable) goal.editables.insert(package.name);
    if (needed.count(package.name) == 0 || package.direct) goal.requirements.push_back(std::move(root));
  }
  return goal;
}

Resolution locked_resolution(const std::vector<SelectedPackage>& selected, const fs::path& lock_directory,
                             const LockedTools& with) {
  Resolution resolution;
  NearFiles near(with);
  for (const SelectedPackage& one : selected)
    resolution.packages.push_back(as_resolved(one, lock_directory, near, with));
  return resolution;
}

}  // namespace moat
