// Is a file of an environment still as it was placed?
#pragma once

#include "envs/journal/manifest.h"
#include "fetch/os/workers.h"

#include <filesystem>
#include <vector>

namespace moat {

enum class FileState { Same, Missing, Changed };

FileState state_of(const std::filesystem::path& root, const ManifestEntry& entry);
// Of all of them, in their order.
std::vector<FileState> states_of(const std::filesystem::path& root, const std::vector<ManifestEntry>& entries,
                                 Workers& workers);

}  // namespace moat
