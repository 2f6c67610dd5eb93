// What is installed in a site directory (PEP 376, PEP 627): *.dist-info, and egg-info as far as it can be
// named.
#pragma once

#include "resolver/base/error.h"
#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct InstalledDistribution {
  PackageName name;  // of METADATA
  Version version;
  std::filesystem::path info;  // absolute path of the .dist-info (or .egg-info)
  std::string installer;       // "moat", "pip", ""
  bool requested = false;
  bool has_record = false;
  std::optional<std::string> direct_url;  // text of direct_url.json
  bool legacy = false;                    // egg-info
  std::string metadata;                   // METADATA or PKG-INFO, without the description
};

struct InstalledDistributions {
  std::vector<InstalledDistribution> all;  // by name
  std::vector<std::string> problems;       // "~ip-1.0.dist-info: left over from an interrupted pip", …
  const InstalledDistribution* find(const PackageName& name) const;

  static InstalledDistributions read(const std::filesystem::path& site_packages);
};

}  // namespace moat
