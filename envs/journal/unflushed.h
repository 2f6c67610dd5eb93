// The mark ENV/.moat/unflushed: files of the last changes may not be on the disk yet (envs/launcher/recover.h
// reads it).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace moat {

// Sets the mark in `folder`, a `.moat`, unless this boot has set it already; not on file systems that do not
// survive a power failure, nor on layers of containers, which are copied to many machines. `state`: the first
// whose files are not flushed; `begun`: before the first of them was written, unix seconds.
void mark_unflushed(const std::filesystem::path& folder, int state, std::int64_t begun);

// The first state whose files are not flushed, according to the mark; nullopt without a mark.
std::optional<int> first_unflushed_state(const std::filesystem::path& environment);

// If the kernel has most likely written the files by now, syncs them and removes the mark; a recent mark
// stays, because syncing fresh writes takes long.
void flush_if_old(const std::filesystem::path& environment, std::int64_t now);

// Syncs the whole file system and removes the mark.
void flush(const std::filesystem::path& environment);

void sync_file_system(const std::filesystem::path& inside);
void sync_file(const std::filesystem::path& file);

}  // namespace moat
