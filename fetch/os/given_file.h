// Files that a user names, who may mean a pipe as well: `-r /dev/stdin`, `-r <(command)`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace moat {

// Far larger than any file that people write.
constexpr std::uint64_t kMostGivenBytes = std::uint64_t{64} << 20U;

// Reads a whole regular file, pipe, socket or terminal input. nullopt if there is no such file. Throws
// Error(BadInput) for folders and other devices, and for more than `most` bytes; Error(Interrupted) if a
// signal comes while it waits.
std::optional<std::string> read_given_file(const std::filesystem::path& path,
                                           std::uint64_t most = kMostGivenBytes);

}  // namespace moat
