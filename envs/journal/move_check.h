// Can the moves of a change be carried out? Asked before the commit, while nothing has happened: whether
// every parent is a real, writable directory on the file system of .moat, and nothing that moves is a mount
// point or immutable.
#pragma once

#include "envs/journal/change.h"

#include <filesystem>
#include <vector>

namespace moat {

// Error(Disk) where the system would refuse a move, Error(Refused) where something is in the way; both name
// the path. What changes between now and the move is left to the way back (journal.h).
void check_moves(const std::filesystem::path& environment, const std::vector<Move>& moves);

// Error(Disk) where something is mounted below the folder: whoever deletes the folder would delete what is on
// it. The folder itself may be a mount.
void refuse_mounts_below(const std::filesystem::path& folder);

// Is the folder the root of a mounted file system? False where the kernel cannot tell.
bool is_mount_point(const std::filesystem::path& folder);

}  // namespace moat
