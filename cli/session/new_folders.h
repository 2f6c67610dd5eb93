// Folders that a command makes on its way, outside of what its change stages.
#pragma once

#include "fetch/os/file.h"

#include <utility>
#include <vector>

namespace moat {

// They go with it, unless the command comes to its end: keep(). A command that is killed leaves them, whole.
class NewFolders {
 public:
  NewFolders() = default;
  NewFolders(NewFolders&& other) noexcept : folders_(std::exchange(other.folders_, {})) {}
  NewFolders& operator=(NewFolders&& other) noexcept {
    std::swap(folders_, other.folders_);
    return *this;
  }
  NewFolders(const NewFolders&) = delete;
  NewFolders& operator=(const NewFolders&) = delete;
  ~NewFolders() {
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
