// Folders that a command creates besides its staged change.
#pragma once

#include "fetch/os/file.h"

#include <utility>
#include <vector>

namespace moat {

// Removed with this object, unless the command succeeds: keep(). A killed command leaves them, complete.
class UndoFolders {
 public:
  UndoFolders() = default;
  UndoFolders(UndoFolders&& other) noexcept : folders_(std::exchange(other.folders_, {})) {}
  UndoFolders& operator=(UndoFolders&& other) noexcept {
    std::swap(folders_, other.folders_);
    return *this;
  }
  UndoFolders(const UndoFolders&) = delete;
  UndoFolders& operator=(const UndoFolders&) = delete;
  ~UndoFolders() {
    for (const fs::path& folder : folders_) remove_tree_quietly(folder);
  }

  // Call this before creating it. A folder inside a known one need not be added.
  void add(fs::path folder) { folders_.push_back(std::move(folder)); }
  void keep() { folders_.clear(); }
  bool empty() const { return folders_.empty(); }

 private:
  std::vector<fs::path> folders_;
};

}  // namespace moat
