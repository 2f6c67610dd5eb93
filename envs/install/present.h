// The packages of an environment before it changes.
#pragma once

#include "envs/environment/environment.h"
#include "envs/environment/installed.h"
#include "envs/journal/manifest.h"
#include "envs/place/direct_url.h"
#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <map>
#include <vector>

namespace moat {

// Empty for a new environment.
struct Present {
  std::map<PackageName, Version> versions;
  std::map<PackageName, ManifestPackage> placed;  // their entries in the manifest
  std::map<PackageName, DirectUrl> direct;        // the origins of packages that came from no index
  std::vector<ManifestRequest> requests;          // earlier requests
  static Present of(const Environment& environment, const InstalledDistributions& installed);
};

}  // namespace moat
