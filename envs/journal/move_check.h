// Can the moves of a change be carried out? Checked before the commit, when nothing has happened yet: every
// parent must be a real, writable directory on the file system of .moat, and nothing that moves may be a
// mount point or immutable.
#pragma once

#include "envs/journal/change.h"

#include <filesystem>
#include <vector>

namespace moat {

// Error(Disk) if the system would refuse a move, Error(Refused) if something is in the way; both name the
// path. Later changes on the disk are handled by taking the moves back (journal.h).
void check_moves(const std::filesystem::path& environment, const std::vector<Move>& moves);

// Error(Disk) if something is mounted below the folder, because deleting the folder would delete the mounted
// files. The folder itself may be a mount.
void refuse_mounts_below(const std::filesystem::path& folder);

// Is the folder the root of a mounted file system? False where the kernel cannot tell.
bool is_mount_point(const std::filesystem::path& folder);

}  // namespace moat
