// One command at a time in a folder: an advisory lock on the folder itself (flock), which leaves no file
// behind and goes with its holder. Where the file system knows none, there is none.
#pragma once

#include "fetch/os/file.h"

#include <chrono>

namespace moat {

class FolderLock {
 public:
  // Waits at most `patience`, then Error(Busy); as fetch/os/waiting.h says.
  static FolderLock acquire(const fs::path& folder, std::chrono::milliseconds patience);

 private:
  explicit FolderLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace moat
