// The mark ENV/.moat/unflushed: files of the last changes may not be on the disk yet (envs/launcher/recover.h
// reads it).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace moat {

// Sets the mark in `folder`, a `.moat`, unless this boot has set it already; not where nothing outlives a
// power failure, nor on the layers of containers, which come to many machines. `state`: the first whose files
// are not flushed; `begun`: before the first of them was written, unix seconds.
void mark_unflushed(const std::filesystem::path& folder, int state, std::int64_t begun);

// The first state whose files are not flushed, as the mark says; nullopt where there is none.
std::optional<int> first_unflushed_state(const std::filesystem::path& environment);

// What the kernel has most likely written by itself is made sure of, and the mark goes; a young one stays,
// because syncing what was just written takes long.
void flush_if_old(const std::filesystem::path& environment, std::int64_t now);

// Everything on that file system reaches the disk now, and the mark goes.
void flush(const std::filesystem::path& environment);

void sync_file_system(const std::filesystem::path& inside);
void sync_file(const std::filesystem::path& file);

}  // namespace moat
