// Files become a zip file, the same bytes whenever and wherever it is written: no times, no owners, no modes
// but `may be run`, members in the order given.
#pragma once

#include "fetch/archive/stored_file.h"
#include "fetch/os/file.h"

#include <vector>

namespace moat {

// Writes `file`, which is not there yet, with these files of the tree. Throws Error(Disk); then an incomplete
// file may be left.
void write_zip(const fs::path& file, const fs::path& tree, const std::vector<StoredFile>& members);

}  // namespace moat
