// File systems that are mounted noexec: files there can be read and written, but no program starts.
#pragma once

#include <filesystem>

namespace moat {

// Would a program at this path be refused for where it lies? Of a path that is not there yet, the nearest
// folder above it that is.
bool is_on_noexec(std::filesystem::path path);

}  // namespace moat
