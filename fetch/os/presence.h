// Is something there? What may not be looked at is not the same as what is not there.
#pragma once

#include <filesystem>

namespace moat {

// Links are followed; a dead one is not there. Error(Disk) where it cannot be told: a folder on the way may
// not be searched, or goes round in a circle.
std::filesystem::file_status status_of(const std::filesystem::path& path);
bool is_there(const std::filesystem::path& path);

// The same folder by whatever way it is reached; false where one of them is not there and the paths differ.
bool is_same_folder(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace moat
