#include "envs/install/audited_packages.h"

#include "envs/environment/installed.h"
#include "envs/place/direct_url.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"
#include "resolver/pep/licence_policy.h"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace moat {

std::vector<AuditedPackage> audited_packages(const Environment& environment, const std::string& otherwise,
                                             Reporter& reporter) {
  std::vector<AuditedPackage> out;
  std::map<std::string, std::string> index_of;
  if (!environment.is_foreign())
    for (const ManifestPackage& package : environment.manifest_without_files().packages)
      index_of[package.name] = package.index;
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  for (const std::string& problem : installed.problems) reporter.warn(problem);
  for (const InstalledDistribution& one : installed.all) {
    AuditedPackage package{.name = one.name, .version = one.version, .index = {}, .from = {}, .licence = {}};
    package.licence = licence_of(one.metadata);
    if (const auto direct = one.direct_url ? DirectUrl::parse(*one.direct_url) : std::nullopt) {
      package.from = direct->place();
      package.has_hash = direct->kind == SourceKind::Git || direct->sha256.has_value();
    } else {
      const auto known = index_of.find(one.name.normalized());
      package.index = known != index_of.end() && !known->second.empty() ? known->second : otherwise;
    }
    out.push_back(std::move(package));
  }
  return out;
}

namespace {

AuditedPackage of_locked(const LockedPackage& locked, const std::string& otherwise) {
  AuditedPackage package{
      .name = locked.name, .version = locked.version, .index = locked.index, .from = {}, .licence = {}};
  if (locked.direct) {
    package.from = locked.direct->url.empty() ? locked.direct->path : locked.direct->url;
    if (package.from.empty()) package.from = locked.direct->archive.name;
    package.has_hash = locked.direct->kind != DirectSourceKind::Directory;
  } else if (package.index.empty()) {
    package.index = otherwise;
  }
  return package;
}

}  // namespace

std::vector<AuditedPackage> audited_packages(const Pylock& lock, const std::string& otherwise) {
  std::vector<AuditedPackage> out;
  for (const LockedPackage& package : lock.packages) out.push_back(of_locked(package, otherwise));
  return out;
}

std::vector<AuditedPackage> audited_packages(const Goal& goal, const std::string& file,
                                             const std::string& otherwise) {
  std::vector<AuditedPackage> out;
  for (const RootRequirement& line : goal.requirements) {
    const Requirement& requirement = line.requirement;
    AuditedPackage package{.name = requirement.name, .version = {}, .index = {}, .from = {}, .licence = {}};
    package.has_hash = !line.hashes.empty();
    if (requirement.url) {
      package.from = *requirement.url;
      package.has_hash = package.has_hash || requirement.url->find("#sha256=") != std::string::npos;
    } else {
      const auto pinned = requirement.specifier.pinned_version();
      if (!pinned)
        throw Error(ErrorKind::BadInput,
                    fmt::format("{}: {} is not pinned: what it gives is not known", line.origin.where,
                                quote(requirement.to_string())),
                    {fmt::format("`moat lock -r {} -o pylock.toml`, then `moat audit pylock.toml`", file)});
      package.version = *pinned;
      package.index = otherwise;
      package.from = "a file of the index";
    }
    out.push_back(std::move(package));
  }
  return out;
}

}  // namespace moat
