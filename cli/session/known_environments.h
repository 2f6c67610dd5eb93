// The environments of this user, wherever they lie: DATA/environments names those that moat made, one path a
// line. Named ones and the user's own are found in their folders. What is gone is forgotten.
#pragma once

#include "cli/settings/settings.h"

#include <filesystem>
#include <vector>

namespace moat {

// Where this cannot be written, nothing is remembered, and nothing is wrong.
void remember_environment(const std::filesystem::path& root, const Settings& settings);

// Absolute; in the order of their paths.
std::vector<std::filesystem::path> remembered_environments(const Settings& settings);

}  // namespace moat
