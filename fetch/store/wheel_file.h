// Makes a .whl again from a stored wheel. The store holds wheels unpacked, so the file differs from the
// original: same members, same bytes in each, and the same wheel always gives the same file.
#pragma once

#include "fetch/store/store.h"

#include <filesystem>

namespace moat {

// Writes `file`, which must not exist; .dist-info comes last, and RECORD at its end (PEP 427). Throws
// Error(Disk).
void write_wheel_file(const StoredWheel& wheel, const std::filesystem::path& file);

}  // namespace moat
