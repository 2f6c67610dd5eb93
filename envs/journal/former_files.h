// When a file of an environment changed. Caches keyed by time and size (PYTHONPYCACHEPREFIX, numba, make,
// editors) would take one release for another, because reproducible wheels give every file of every release
// the same date. So a file has the archive's date only if its path never held other bytes; else it has the
// time of the change.
#pragma once

#include "envs/journal/manifest.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moat {

// The modification time of a regular file, or of the one that a link leads to.
struct FileFacts {
  std::int64_t mtime = 0;
  std::uint64_t size = 0;
};
std::optional<FileFacts> facts_of_file(const std::filesystem::path& path);

// A time for a file that replaces other bytes: later than theirs, whatever the clock says.
inline std::int64_t time_of_change(std::int64_t now, std::int64_t displaced) {
  return now > displaced ? now : displaced + 1;
}

// Files that once were at paths that are now empty, as far as the history and the manifest remember.
class FormerFiles {
 public:
  FormerFiles(const std::filesystem::path& environment, const Manifest& manifest);

  // Its time, or 0 if only its existence is known; nullopt: this path was never used.
  std::optional<std::int64_t> find(const std::string& path) const;

 private:
  std::filesystem::path environment_;
  const Manifest& manifest_;
  bool remembers_all_ = true;  // the history goes back to the first change
  std::unordered_map<std::string, std::vector<std::string>> moved_out_;  // a file or folder → where it went
};

}  // namespace moat
