// The manifest of an environment: every file moat placed. With it doctor verifies, uninstall needs no guess,
// and a sync that has nothing to do compares one digest.
#pragma once

#include "resolver/base/error.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct ManifestEntry {
  std::string path;    // relative to the environment
  std::string sha256;  // hex; of the content as placed; symbolic links: of the target text
  std::uint64_t size = 0;
  unsigned mode = 0;  // permission bits; 0120000 set for symbolic links
  std::string owner;  // normalised distribution name; "" for the runtime and the environment's own files
};

struct ManifestPackage {
  std::string name;  // normalised
  std::string version;
  std::string wheel_sha256;
  bool requested = false;
  std::string index;  // that gave it, a URL without credentials; "" for what no index gave
};

struct Manifest {
  int state = 0;                          // number of the change that led here
  std::string runtime;                    // fingerprint
  std::vector<ManifestPackage> packages;  // by name
  std::vector<ManifestEntry> entries;     // by path
};

// Text, one line an entry; canonical: the same manifest gives the same bytes.
std::string format_manifest(const Manifest& manifest);
Expected<Manifest> parse_manifest(std::string_view text);
// All but the entries, which come last.
Expected<Manifest> parse_manifest_head(std::string_view text);

}  // namespace moat
