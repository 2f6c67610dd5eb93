#include "envs/install/install_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace moat {
namespace {

bool holds_digest(const std::vector<Digest>& accepted, const std::string& sha256) {
  return std::any_of(accepted.begin(), accepted.end(), [&](const Digest& digest) {
    return digest.algorithm == "sha256" && digest.hex == sha256;
  });
}

// A requested folder may have changed; an archive or a commit has not.
bool comes_anew(const ResolvedPackage& package, bool requested, const Present& present) {
  const SourceUrl* const source = package.file.direct.get();
  if (!source) return false;
  const auto before = present.direct.find(package.name);
  if (before == present.direct.end()) return true;
  if (source->kind == SourceKind::Directory) return requested;
  const DirectUrl now = DirectUrl::of(*source, std::nullopt, false);
  if (now.url != before->second.url || now.subdirectory != before->second.subdirectory) return true;
  if (source->kind == SourceKind::Git)
    return now.commit != before->second.commit || now.requested_revision != before->second.requested_revision;
  const std::vector<Digest>& digests = package.file.artifact.digests;
  return !before->second.sha256 ||
         std::find(digests.begin(), digests.end(), *before->second.sha256) == digests.end();
}

}  // namespace

InstallPlan plan_install(const Goal& goal, const Resolution& resolution, const Present& present,
                         bool reinstall) {
  std::map<PackageName, const RootRequirement*> asked;
  for (const RootRequirement& root : goal.requirements) {
    const auto [place, is_new] = asked.emplace(root.requirement.name, &root);
    if (!is_new && root.requirement.url) place->second = &root;
  }
  InstallPlan plan;
  for (const ResolvedPackage& package : resolution.packages) {
    const auto found = asked.find(package.name);
    if (found != asked.end() && goal.only_dependencies) continue;
    Step step{&package, found != asked.end(), package.accepted, false};
    step.editable = goal.editables.count(package.name) != 0;
    const auto version = present.versions.find(package.name);
    const auto placed = present.placed.find(package.name);
    const bool same_version = version != present.versions.end() && version->second == package.version;
    const bool hash_fits = step.hashes.empty() || (placed != present.placed.end() &&
                                                   holds_digest(step.hashes, placed->second.wheel_sha256));
    if (!same_version || reinstall || comes_anew(package, step.requested, present) || !hash_fits)
      plan.steps.push_back(std::move(step));
    else if (step.requested && !(placed != present.placed.end() && placed->second.requested))
      plan.mark_requested.insert(package.name);
  }
  return plan;
}

TransactionRequest without_wheels(const InstallPlan& plan) {
  TransactionRequest request;
  for (const Step& step : plan.steps)
    request.install.push_back({step.package->name, step.package->version, {}, step.requested, {}});
  return request;
}

TransactionRequest with_stored_wheels(const InstallPlan& plan, const Store& store) {
  TransactionRequest request = without_wheels(plan);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const ReleaseFile& file = plan.steps[i].package->file;
    if (!file.wheel) continue;
    for (const Digest& digest : file.artifact.digests)
      if (std::optional<StoredWheel> wheel =
              digest.algorithm == "sha256" ? store.find_wheel(digest) : std::nullopt)
        request.install[i].wheel = *std::move(wheel);
  }
  return request;
}

}  // namespace moat
