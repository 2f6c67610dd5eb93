// RECORD (PEP 376, PEP 627, wheel specification): CSV rows of path, hash, size.
#pragma once

#include "resolver/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct RecordEntry {
  std::string path;       // with '/', relative to the directory that holds the .dist-info
  std::string algorithm;  // "sha256"; empty where the row has no hash
  std::string hash;       // urlsafe base64 without padding, as written
  std::optional<std::uint64_t> size;
  friend bool operator==(const RecordEntry&, const RecordEntry&) = default;
};

// CSV with quoting as Python's csv module reads it. Fails on rows without a path or with an unreadable size.
Expected<std::vector<RecordEntry>> parse_record(std::string_view text);
// Rows sorted by path, quoted where needed, '\n' at each end.
std::string format_record(std::vector<RecordEntry> entries);

}  // namespace moat
