// How a new environment gets its place. Usually it is staged in a folder next to it and switched to by one
// rename. If the folder itself cannot be renamed (a mounted volume, a folder in another user's directory,
// a lower layer of overlayfs) it is staged inside, and a journal of moves switches
// (envs/journal/change.h).
#pragma once

#include "envs/journal/change.h"

#include <filesystem>
#include <optional>
#include <string>

namespace moat {

// Nothing, or a folder that is empty except for the remains of a killed `create`.
bool is_vacant(const std::filesystem::path& root);

// Is it known in advance that a rename will fail?
bool must_switch_inside(const std::filesystem::path& root);

// Moves the environment in `staged` to root; the old contents are in `staged` or next to it afterwards, to be
// removed. Returns false if the folder cannot be renamed, and nothing has happened. Error(Exists) if
// something appeared meanwhile.
bool switch_folders(const std::filesystem::path& staged, const std::filesystem::path& root, bool replace);

// Replaces the whole contents of root with the environment staged in change.stage(). `as_change`: the reason
// for a change that can be taken back; without one the old contents are lost.
void switch_inside(Change& change, const std::filesystem::path& root, Durable durable,
                   const std::optional<std::string>& as_change = std::nullopt);

}  // namespace moat
