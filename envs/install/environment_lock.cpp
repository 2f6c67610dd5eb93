#include "envs/install/environment_lock.h"

#include "envs/journal/manifest.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

namespace moat {
namespace {

LockedFile locked_file(const Artifact& artifact) {
  return {.name = artifact.filename,
          .url = artifact.url.without_credentials().to_string(),
          .path = {},
          .size = artifact.size,
          .upload_time = artifact.upload_time,
          .hashes = artifact.digests};
}

std::optional<LockedFile> file_with(const Digest& sha256, const Project& project) {
  for (const auto& release : project.releases)
    for (const ReleaseFile& file : release->files())
      for (const Digest& digest : file.artifact.digests)
        if (digest == sha256) return locked_file(file.artifact);
  return std::nullopt;
}

}  // namespace

void check_has_hashes(const Environment& environment) {
  if (environment.is_foreign())
    throw Error(ErrorKind::ForeignEnvironment,
                fmt::format("moat did not make {}, so the hashes of its files are not recorded",
                            environment.root().native()),
                {fmt::format("moat env adopt {}", environment.root().native())});
}

EnvironmentLock environment_lock(const Environment& environment, CandidateSource& source) {
  check_has_hashes(environment);
  const Manifest manifest = environment.manifest_without_files();
  std::vector<PackageName> names;
  for (const ManifestPackage& package : manifest.packages) {
    names.push_back(PackageName::parse(package.name).value());
    source.request_project(names.back());
  }
  EnvironmentLock out;
  out.lock.created_by = "moat";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const ManifestPackage& package = manifest.packages[i];
    std::optional<LockedFile> file =
        file_with(Digest::parse("sha256", package.wheel_sha256).value(), wait_for(names[i], source));
    if (!file)
      throw Error(ErrorKind::NotFound,
                  fmt::format("no index has the {} {} that is installed in {}", package.name, package.version,
                              environment.root().native()),
                  {"`moat lock`, then `moat bundle`, builds from sources and takes what a URL names",
                   "`--index-url` and `--find-links` name where else to look"});
    LockedPackage locked{.name = names[i], .version = Version::parse(package.version).value()};
    locked.index = package.index;
    locked.wheels.push_back(std::move(*file));
    out.lock.packages.push_back(std::move(locked));
    if (package.requested) out.requested.insert(names[i]);
  }
  return out;
}

}  // namespace moat
