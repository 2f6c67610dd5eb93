// How many files this process may have open (`ulimit -n`); this limits how much is done at once.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>

namespace moat {

// Reserved for moat itself: locks, pipes, folders, the standard streams, libraries being loaded.
inline constexpr std::size_t kOwnOpenFiles = 24;

inline std::size_t most_open_files() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1U << 20U;
  return static_cast<std::size_t>(limit.rlim_cur);
}

// How many of something may be under way at once, each with so many files open, where `most` would be best
// and a quarter of what is free is for them. At least one.
inline std::size_t at_once(std::size_t most, std::size_t files_each) {
  const std::size_t limit = most_open_files();
  const std::size_t free = limit > kOwnOpenFiles ? limit - kOwnOpenFiles : 0;
  return std::clamp<std::size_t>(free / 4 / files_each, 1, most);
}

}  // namespace moat
