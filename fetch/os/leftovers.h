// What killed commands leave beside the places they work on: `.NAME.new-…` of a create, `.NAME.removed-…` of
// a removal,
// `.moat-download-…` of a download. Whoever works in such a folder holds a lock on it, which the kernel frees
// when it dies; the next command there removes what nobody holds.
#pragma once

#include "fetch/os/file.h"

namespace moat {

// Holds a folder while this lives, also where it is renamed meanwhile.
class FolderHold {
 public:
  explicit FolderHold(const fs::path& folder) noexcept;  // where it cannot be locked, age has to do

 private:
  UniqueFd fd_;
};

// Where something is made beside the place it is for: held, and removed with this. What killed commands left
// in that folder is swept.
class StagingFolder {
 public:
  // `name`: ".moat-bundle" → `.moat-bundle.new-…`
  StagingFolder(const fs::path& parent, std::string_view name);
  const fs::path& path() const { return folder_.path(); }

 private:
  TempDir folder_;
  FolderHold hold_;
};

// Removes what is in `folder` itself, of this user, and held by nobody. What cannot be removed stays.
void sweep_leftovers(const fs::path& folder) noexcept;

}  // namespace moat
