// Writes files into a zip file with the same bytes at any time and place: no times, no owners, no modes
// except `executable`, members in the order given.
#pragma once

#include "fetch/archive/stored_file.h"
#include "fetch/os/file.h"

#include <vector>

namespace moat {

// Writes `file`, which must not exist yet, with these files of the tree. Throws Error(Disk) and may then
// leave an incomplete file.
void write_zip(const fs::path& file, const fs::path& tree, const std::vector<StoredFile>& members);

}  // namespace moat
