// The environments of this user, wherever they are. `data`: the folder of what this user has.
//
// DATA/environments lists those that moat made, one path
// per line. Named ones and the user's own are found in their folders. Deleted ones are forgotten.
// DATA/identities lists all that moat made, named ones too, one digest per line: a folder that replaced one,
// by `git clone` for example, is not in it.
#pragma once

#include <filesystem>
#include <vector>

namespace moat {

// If it cannot be written, nothing is remembered; that is not an error.
void remember_environment(const std::filesystem::path& root, const std::filesystem::path& data);

// Absolute; in the order of their paths.
std::vector<std::filesystem::path> remembered_environments(const std::filesystem::path& data);

// Did moat make this very environment for this user, wherever it is now, and are its activation scripts
// unchanged?
bool is_remembered(const std::filesystem::path& root, const std::filesystem::path& data);

}  // namespace moat
