// Does a path exist? "May not look" is different from "does not exist".
#pragma once

#include <filesystem>

namespace moat {

// Links are followed; a dangling one does not exist. Error(Disk) if it cannot be told: a parent folder cannot
// be searched, or links go in a circle.
std::filesystem::file_status status_of(const std::filesystem::path& path);
bool is_there(const std::filesystem::path& path);

// Do both paths lead to the same folder? False if one of them does not exist and the paths differ.
bool is_same_folder(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace moat
