#include "envs/install/lock_hashes.h"

#include "fetch/download/file_hashes.h"
#include "fetch/download/wheels.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moat {
namespace {

bool has_strong_hash(const Artifact& artifact) {
  return std::any_of(artifact.digests.begin(), artifact.digests.end(),
                     [](const Digest& digest) { return digest.is_strong(); });
}

bool may_install(const ReleaseFile& file, const Target& target) {
  return !file.wheel || target.tags.rank(file.wheel->tags).has_value();
}

// Wheels that will be installed are added to the store, since they will be needed.
void obtain_chosen(std::vector<ResolvedPackage>& packages, const Tools& tools) {
  std::vector<WheelOrder> orders;
  std::vector<Artifact*> chosen;
  for (ResolvedPackage& package : packages) {
    if (!package.file.wheel || has_strong_hash(package.file.artifact)) continue;
    orders.push_back({package.file.artifact, {}});
    chosen.push_back(&package.file.artifact);
  }
  if (orders.empty()) return;
  const std::vector<StoredWheel> wheels =
      obtain_wheels(orders, tools.http, tools.store, tools.workers, tools.reporter, tools.stop);
  for (std::size_t i = 0; i < wheels.size(); ++i) chosen[i]->digests.push_back(wheels[i].digest);
}

// The files of the release with the hash of the chosen one; those without a hash are to be hashed.
std::vector<ReleaseFile> completed(const ResolvedPackage& package, const Target& target,
                                   std::vector<Artifact*>& lacking) {
  std::vector<ReleaseFile> files = package.release->files();
  for (ReleaseFile& file : files) {
    const bool chosen = file.artifact.url == package.file.artifact.url;
    if (chosen) file.artifact.digests = package.file.artifact.digests;
    if (!has_strong_hash(file.artifact) && (chosen || !file.artifact.yanked) && may_install(file, target))
      lacking.push_back(&file.artifact);
  }
  return files;
}

}  // namespace

void learn_missing_hashes(Resolution& resolution, const Target& target, const Tools& tools) {
  obtain_chosen(resolution.packages, tools);
  std::vector<Artifact*> lacking;
  std::vector<std::pair<ResolvedPackage*, std::vector<ReleaseFile>>> changed;
  std::vector<std::string> names;
  bool from_network = false;
  for (ResolvedPackage& package : resolution.packages) {
    if (package.file.direct) continue;
    bool unhashed = false;
    for (const ReleaseFile& file : package.release->files()) {
      if (has_strong_hash(file.artifact)) continue;
      unhashed = true;
      from_network = from_network || file.artifact.url.scheme() != "file";
    }
    if (!unhashed) continue;
    names.push_back(package.name.display());
    changed.emplace_back(&package, completed(package, target, lacking));
  }
  if (names.empty()) return;
  std::vector<Artifact> files;
  for (const Artifact* artifact : lacking) files.push_back(*artifact);
  const std::vector<Digest> hashes =
      learn_hashes(files, tools.http, tools.store, tools.workers, tools.reporter, tools.stop);
  for (std::size_t i = 0; i < hashes.size(); ++i) lacking[i]->digests.push_back(hashes[i]);
  for (auto& [package, completed_files] : changed)
    package->release = std::make_shared<Release>(package->release->version, std::move(completed_files));
  const std::string said = fmt::format(
      "no index promises a sha256 of all files of {}: the lock has the hashes of what was found "
      "now, and only files that this target may install",
      join(names, ", "));
  // The user knows the files on this machine; files from elsewhere may not be the intended
  // ones.
  from_network ? tools.reporter.warn(said) : tools.reporter.note(said);
}

}  // namespace moat
