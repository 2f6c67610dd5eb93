// File systems that are mounted noexec: files there can be read and written, but no program starts.
#pragma once

#include <filesystem>

namespace moat {

// Would the file system refuse to run a program at this path? For a path that does not exist yet, decided by
// its nearest existing parent.
bool is_on_noexec(std::filesystem::path path);

}  // namespace moat
