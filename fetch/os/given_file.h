// Files that a user names, who may mean a pipe as well: `-r /dev/stdin`, `-r <(command)`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace moat {

// Far beyond what people write.
constexpr std::uint64_t kMostGivenBytes = std::uint64_t{64} << 20U;

// All of a regular file, a pipe, a socket or what is typed at a terminal. nullopt where there is no such
// file. Throws Error(BadInput) for folders and other devices, and for more than `most` bytes;
// Error(Interrupted) where a signal comes while it waits.
std::optional<std::string> read_given_file(const std::filesystem::path& path,
                                           std::uint64_t most = kMostGivenBytes);

}  // namespace moat
