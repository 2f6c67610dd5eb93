// The manifest of an environment: every file that moat placed, and what the user asked for. With it doctor
// verifies, uninstall needs no guess, and a sync without changes compares one digest.
#pragma once

#include "resolver/base/error.h"

#include <compare>
#include <cstdint>
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
  std::string index;  // its index, a URL without credentials; "" if it came from no index
};

// A recorded request: {"flake8", true, "command", "moat install flake8==3.9.2", "flake8==3.9.2"}.
struct ManifestRequest {
  std::string name;     // normalised
  bool binding = true;  // false: recorded by `moat pip`; later changes need not keep to it
  std::string kind;     // of the origin, a word: "command"; "file", to which all requests of that file belong
  std::string origin;   // the command, the absolute path; without credentials, as the requirement
  std::string requirement;  // as written
  friend auto operator<=>(const ManifestRequest&, const ManifestRequest&) = default;
};

inline constexpr std::string_view kCommandRequest = "command", kFileRequest = "file";

struct Manifest {
  int format = 2;                         // as read; always written as 2
  int state = 0;                          // number of the change that led here
  std::string runtime;                    // fingerprint
  std::vector<ManifestPackage> packages;  // by name
  std::vector<ManifestRequest> requests;  // sorted
  std::vector<ManifestEntry> entries;     // by path
  // Files of the same paths from other packages: not the bytes that are there, if they differ, but those that
  // would be if the owner in `entries` were removed. By path and owner.
  std::vector<ManifestEntry> others;
};

inline constexpr int kManifestFormat = 2;

// Text, one line an entry; canonical: the same manifest gives the same bytes.
std::string format_manifest(const Manifest& manifest);
// Accepts format 1 too, in which bytecode is among the entries.
Expected<Manifest> parse_manifest(std::string_view text);
// Everything but the entries and the others, which come last.
Expected<Manifest> parse_manifest_head(std::string_view text);

}  // namespace moat
