// What killed commands leave beside the places they work on: `.NAME.new-…` of a create, `.NAME.removed-…` of
// a removal,
// `.moat-download-…` of a download. Whoever works in such a folder holds a lock on it, which the kernel frees
// when it dies; the next command there removes what nobody holds.
#pragma once

#include "fetch/os/file.h"

namespace moat {

// Holds a folder while this lives, even if the folder is renamed.
class FolderHold {
 public:
  explicit FolderHold(const fs::path& folder) noexcept;  // if it cannot be locked, age decides

 private:
  UniqueFd fd_;
};

// A temporary folder next to the place it is for: locked, and removed with this. Also sweeps what killed
// commands left in that folder.
class StagingFolder {
 public:
  // `name`: ".moat-bundle" → `.moat-bundle.new-…`
  StagingFolder(const fs::path& parent, std::string_view name);
  const fs::path& path() const { return folder_.path(); }

 private:
  TempDir folder_;
  FolderHold hold_;
};

// Removes leftovers in `folder` itself that belong to this user and that nobody holds; ignores failures.
void sweep_leftovers(const fs::path& folder) noexcept;

}  // namespace moat
