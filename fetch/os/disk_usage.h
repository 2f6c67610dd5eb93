// How much a tree takes of its disk.
#pragma once

#include <cstdint>
#include <filesystem>

namespace moat {

// Blocks, not lengths; links are not followed. Unreadable parts count as nothing.
std::uint64_t disk_bytes(const std::filesystem::path& path);

}  // namespace moat
