// How a new environment gets its place. Usually it is staged in a folder beside it, and one rename of the
// whole switches. Where the folder itself cannot be renamed (a mounted volume, a folder in a directory of
// somebody else's, a lower layer of overlayfs) it is staged inside, and a journal of moves switches
// (envs/journal/change.h).
#pragma once

#include "envs/journal/change.h"

#include <filesystem>
#include <optional>
#include <string>

namespace moat {

// Nothing there, or a folder that is empty except for the traces of a killed `create`.
bool is_vacant(const std::filesystem::path& root);

// Is it known beforehand that no rename will do?
bool must_switch_inside(const std::filesystem::path& root);

// The environment in `staged` takes the place of root; what was there lies in `staged` or beside it
// afterwards, to be removed. False: the folder cannot be renamed, and nothing has happened. Error(Exists)
// where something appeared meanwhile.
bool switch_folders(const std::filesystem::path& staged, const std::filesystem::path& root, bool replace);

// The environment staged in change.stage() takes the place of everything that root holds. `as_change`: the
// reason for a change that can be taken back; without one nothing leads back to what was there.
void switch_inside(Change& change, const std::filesystem::path& root, Durable durable,
                   const std::optional<std::string>& as_change = std::nullopt);

}  // namespace moat
