// An environment at another place: a copy that shares nothing with it, or the same one moved.
#pragma once

#include "envs/environment/environment.h"

#include <filesystem>

namespace moat {

// Error(Usage) where no environment can be made, whatever is there: the root directory, a path with `:`.
void check_environment_path(const std::filesystem::path& root);

// `to` is absolute, and nothing is there: Error(Exists) otherwise. Nobody changes the environment meanwhile;
// the copy has its name once it is whole, and its own history.
Environment clone_environment(const Environment& environment, const std::filesystem::path& to,
                              Workers& workers);

// By one rename; to another file system by a copy, after which the first is removed.
Environment move_environment(const Environment& environment, const std::filesystem::path& to,
                             Workers& workers);

}  // namespace moat
