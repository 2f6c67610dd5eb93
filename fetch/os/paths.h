// Decisions about paths without looking at the disk.
#pragma once

#include <algorithm>
#include <filesystem>

namespace moat {

// Is `path` the folder, or inside it? By names alone; both must be absolute and normalised.
inline bool is_below(const std::filesystem::path& path, const std::filesystem::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

}  // namespace moat
