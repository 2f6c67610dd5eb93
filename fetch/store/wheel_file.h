// A wheel of the store as a .whl again. The store holds wheels unpacked, so that it is another file than the
// one that came in: same members, same bytes in each, and the same wheel always gives the same file.
#pragma once

#include "fetch/store/store.h"

#include <filesystem>

namespace moat {

// Writes `file`, which is not there yet; .dist-info comes last, and RECORD at its end (PEP 427). Throws
// Error(Disk).
void write_wheel_file(const StoredWheel& wheel, const std::filesystem::path& file);

}  // namespace moat
