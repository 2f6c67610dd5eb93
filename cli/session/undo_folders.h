// Folders that a command makes on its way, outside of what its change stages.
#pragma once

#include "fetch/os/file.h"

#include <utility>
#include <vector>

namespace moat {

// They go with it, unless the command comes to its end: keep(). A command that is killed leaves them, whole.
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

  // Before it is made. A folder inside one that is known already needs no adding.
  void add(fs::path folder) { folders_.push_back(std::move(folder)); }
  void keep() { folders_.clear(); }
  bool empty() const { return folders_.empty(); }

 private:
  std::vector<fs::path> folders_;
};

}  // namespace moat
