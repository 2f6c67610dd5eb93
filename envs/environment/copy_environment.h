// Copies an environment so that it shares nothing with the original, or moves it.
#pragma once

#include "envs/environment/environment.h"

#include <filesystem>

namespace moat {

// Error(Usage) for a path at which no environment can be made: the root directory, a path with `:`.
void check_environment_path(const std::filesystem::path& root);

// `to` is absolute and must not exist: else Error(Exists). Nobody may change the environment meanwhile; the
// copy gets its name once it is complete, and its own history.
Environment clone_environment(const Environment& environment, const std::filesystem::path& to,
                              Workers& workers);

// One rename; on another file system a copy, after which the original is removed.
Environment move_environment(const Environment& environment, const std::filesystem::path& to,
                             Workers& workers);

}  // namespace moat
