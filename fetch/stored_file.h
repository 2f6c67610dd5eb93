// One regular file of an unpacked tree.
#pragma once

#include "resolver/digest.h"

#include <cstdint>
#include <string>

namespace moat {

// Path relative to the tree, with '/'.
struct StoredFile {
  std::string path;
  Digest digest = {};  // sha256
  std::uint64_t size = 0;
  bool executable = false;
  std::int64_t mtime = 0;   // of the archive's entry, clamped to 1980..now; unix seconds
  std::uint64_t inode = 0;  // with size and mtime: is it still the file that was put in?
};

}  // namespace moat
