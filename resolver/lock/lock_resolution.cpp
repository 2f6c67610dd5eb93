// Resolution → Pylock.
#include "resolver/base/text.h"
#include "resolver/lock/lockfile.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace moat {
namespace {

LockedFile locked_file(const Artifact& artifact, const LockOptions& options) {
  LockedFile file{.name = artifact.filename, .size = artifact.size, .upload_time = artifact.upload_time};
  if (artifact.url.scheme() == "file")
    file.path = std::filesystem::path(artifact.url.file_path())
                    .lexically_proximate(options.lock_directory)
                    .generic_string();
  else
    file.url = artifact.url.without_credentials().without_fragment().to_string();
  for (const Digest& digest : artifact.digests)
    if (digest.is_strong()) file.hashes.push_back(digest);
  std::sort(file.hashes.begin(), file.hashes.end());
  return file;
}

std::string relative_to_lock(const std::string& path, const LockOptions& options) {
  return std::filesystem::path(path).lexically_proximate(options.lock_directory).generic_string();
}

// `git@host` is not a secret, and ssh needs it.
std::string without_secrets(const Url& url) {
  return (url.userinfo() == "git" ? url : url.without_credentials()).without_fragment().to_string();
}

DirectSource locked_source(const ResolvedPackage& package, const LockOptions& options) {
  const SourceUrl& from = *package.file.direct;
  DirectSource out;
  out.subdirectory = from.subdirectory;
  const bool local = from.url.scheme() == "file";
  switch (from.kind) {
    case SourceKind::Git:
      out.kind = DirectSourceKind::Vcs;
      out.vcs_type = "git";
      (local ? out.path : out.url) =
          local ? relative_to_lock(from.url.file_path(), options) : without_secrets(from.url);
      out.requested_revision = from.revision;
      out.commit_id = from.commit;
      break;
    case SourceKind::Directory:
      out.kind = DirectSourceKind::Directory;
      out.path = relative_to_lock(from.url.file_path(), options);
      out.editable = options.editables.count(package.name) != 0;
      break;
    case SourceKind::Archive:
    case SourceKind::Wheel:
      out.archive = locked_file(package.file.artifact, options);
      break;
  }
  return out;
}

// A folder on this machine is not an index for anyone else; its files are recorded by path.
std::string index_of(const ResolvedPackage& package) {
  const Expected<Url> url = Url::parse(package.index);
  return url && url->scheme() != "file" ? url->without_credentials().to_string() : "";
}

bool has_one_of(const Artifact& artifact, const std::vector<Digest>& hashes) {
  return std::any_of(artifact.digests.begin(), artifact.digests.end(), [&](const Digest& digest) {
    return std::find(hashes.begin(), hashes.end(), digest) != hashes.end();
  });
}

// The specification wants one source for a direct reference, and wheels and sdist for a release of an index.
void lock_files(LockedPackage& out, const ResolvedPackage& package, const LockOptions& options) {
  if (package.file.direct) {
    out.direct = locked_source(package, options);
    // The contents of a folder may change after locking, so its version is not recorded.
    if (out.direct->kind == DirectSourceKind::Directory) out.version.reset();
    return;
  }
  for (const ReleaseFile& file : package.release->files()) {
    const bool chosen = file.artifact.filename == package.file.artifact.filename;
    if (!chosen && (!options.all_files || file.artifact.yanked)) continue;
    // If the user gave hashes, only the files they allow are locked.
    if (!chosen && !package.accepted.empty() && !has_one_of(file.artifact, package.accepted)) continue;
    LockedFile locked = locked_file(file.artifact, options);
    if (locked.hashes.empty()) {
      if (!chosen) continue;
      throw Error(ErrorKind::Refused,
                  fmt::format("the index gives no sha256 hash for {}, and a lock needs one",
                              quote(file.artifact.filename)));
    }
    if (file.wheel)
      out.wheels.push_back(std::move(locked));
    else if (!out.sdist || chosen)
      out.sdist = std::move(locked);
  }
  const auto by_name = [](const LockedFile& a, const LockedFile& b) { return a.name < b.name; };
  std::sort(out.wheels.begin(), out.wheels.end(), by_name);
}

}  // namespace

LockedPackage lock_package(const ResolvedPackage& package, const LockOptions& options) {
  LockedPackage out{.name = package.name, .version = package.version};
  if (package.metadata.requires_python && !package.metadata.requires_python->empty())
    out.requires_python = package.metadata.requires_python;
  out.index = index_of(package);
  lock_files(out, package, options);
  return out;
}

Pylock lock_resolution(const Resolution& resolution, const Target& target, const LockOptions& options) {
  Pylock lock;
  lock.created_by = "moat";
  const std::string& minor = target.environment.python_version;
  lock.requires_python = SpecifierSet::parse("==" + minor + ".*").value();
  const MarkerEnvironment& here = target.environment;
  // For one target, so that another installer refuses it anywhere else.
  lock.environments.push_back(
      Marker::parse(
          fmt::format(
              "python_version == \"{}\" and sys_platform == \"{}\" and platform_machine == \"{}\" and "
              "implementation_name == \"{}\"",
              minor, here.sys_platform, here.platform_machine, here.implementation_name),
          MarkerContext::LockFile)
          .value());
  lock.has_environments = true;

  std::map<PackageName, std::vector<std::pair<PackageName, std::optional<Version>>>> dependencies;
  for (const ResolvedPackage& package : resolution.packages)
    for (const Edge& edge : package.required_by)
      if (edge.from && *edge.from != package.name)
        dependencies[*edge.from].emplace_back(package.name, std::nullopt);

  for (const ResolvedPackage& package : resolution.packages) {
    LockedPackage out = lock_package(package, options);
    out.dependencies = dependencies[package.name];
    std::sort(out.dependencies.begin(), out.dependencies.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto repeated = std::unique(out.dependencies.begin(), out.dependencies.end(),
                                      [](const auto& a, const auto& b) { return a.first == b.first; });
    out.dependencies.erase(repeated, out.dependencies.end());
    lock.packages.push_back(std::move(out));
  }
  return lock;
}

}  // namespace moat
