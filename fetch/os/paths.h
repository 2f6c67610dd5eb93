// What paths say by themselves.
#pragma once

#include <algorithm>
#include <filesystem>

namespace moat {

// Is `path` the folder, or inside it? By names alone: both absolute and normalised, nothing is looked at.
inline bool is_below(const std::filesystem::path& path, const std::filesystem::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

}  // namespace moat
