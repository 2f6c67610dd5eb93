#include "envs/place/damaged.h"

#include "fetch/os/file.h"
#include "resolver/files/digest.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

namespace moat {

namespace {

constexpr std::string_view kInfo = ".dist-info/";

// A package in the manifest that site-packages lacks.
struct Missing {
  const ManifestPackage* package = nullptr;
  std::string info;  // its .dist-info, relative to the environment
  bool has_files = false;
};

bool lies_at(const fs::path& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

}  // namespace

void add_damaged(InstalledDistributions& installed, const Manifest& manifest, const fs::path& root) {
  std::map<std::string_view, Missing> missing;
  for (const ManifestPackage& package : manifest.packages)
    if (const auto name = PackageName::parse(package.name); name && !installed.find(*name))
      missing.emplace(package.name, Missing{&package, "", false});
  if (missing.empty()) return;
  for (const ManifestEntry& entry : manifest.entries) {
    const auto found = missing.find(entry.owner);
    if (found == missing.end()) continue;
    if (const std::size_t at = entry.path.find(kInfo); at != entry.path.npos)
      found->second.info = entry.path.substr(0, at + kInfo.size() - 1);
    found->second.has_files = found->second.has_files || lies_at(root / entry.path);
  }
  for (const auto& [name, package] : missing) {
    auto version = Version::parse(package.package->version);
    if (!package.has_files || package.info.empty() || !version) continue;
    installed.all.push_back({.name = *PackageName::parse(std::string(name)),
                             .version = *std::move(version),
                             .info = root / package.info,
                             .installer = "moat",
                             .requested = package.package->requested});
  }
  std::ranges::stable_sort(installed.all, {}, &InstalledDistribution::name);
}

InstalledDistributions read_installed(const Environment& environment) {
  InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const auto has_all = [&](const Manifest& manifest) {
    return std::ranges::all_of(manifest.packages, [&](const ManifestPackage& package) {
      const auto name = PackageName::parse(package.name);
      return name && installed.find(*name);
    });
  };
  if (!has_all(environment.manifest_without_files()))
    add_damaged(installed, environment.manifest(), environment.root());
  return installed;
}

void add_placed_files(OwnedFiles& owned, const InstalledDistribution& distribution,
                      const Manifest& manifest) {
  const std::string& name = distribution.name.normalized();
  // Another installer may have installed another version since.
  const bool is_placed = std::ranges::any_of(manifest.packages, [&](const ManifestPackage& package) {
    return package.name == name && package.version == distribution.version.to_string();
  });
  if (!is_placed) return;
  std::set<std::string> named;
  for (const OwnedFile& file : owned.files) named.insert(file.path);
  for (const ManifestEntry& entry : manifest.entries)
    if (entry.owner == name && !named.contains(entry.path))
      owned.files.push_back({entry.path, Digest{"sha256", entry.sha256}.base64(), entry.size});
}

}  // namespace moat
