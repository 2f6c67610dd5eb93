// Allows one command at a time in a folder: an advisory lock on the folder itself (flock), which leaves no
// file behind and ends with its holder. On file systems without such locks it does nothing.
#pragma once

#include "fetch/os/file.h"

#include <chrono>

namespace moat {

class FolderLock {
 public:
  // Waits at most `patience`, then Error(Busy); see fetch/os/waiting.h.
  static FolderLock acquire(const fs::path& folder, std::chrono::milliseconds patience);

 private:
  explicit FolderLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace moat
