#include "envs/install/present.h"

#include <utility>

namespace moat {

Present Present::of(const Environment& environment, const InstalledDistributions& installed) {
  Present present;
  for (const InstalledDistribution& distribution : installed.all) {
    present.versions.emplace(distribution.name, distribution.version);
    if (distribution.direct_url)
      if (auto direct = DirectUrl::parse(*distribution.direct_url))
        present.direct.emplace(distribution.name, std::move(*direct));
  }
  Manifest manifest = environment.manifest_without_files();
  present.requests = std::move(manifest.requests);
  for (ManifestPackage& package : manifest.packages)
    if (Expected<PackageName> name = PackageName::parse(package.name); name)
      present.placed.emplace(std::move(*name), std::move(package));
  return present;
}

}  // namespace moat
