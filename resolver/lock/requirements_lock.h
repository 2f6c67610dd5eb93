// A lock in the form of a requirements file, for moat, pip and uv.
//
// Where a line has a hash, pip and uv want one of every line, and folders and commits have none. Beside those
// the hashes stand in comments, which moat reads all the same:
//
//   # Pinned by moat; hashes are in comments, as pip takes none beside folders and commits.
//   -e .
//   six==1.17.0
//       # --hash=sha256:…
#pragma once

#include "resolver/lock/lockfile.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Every file of a release is named, so that the lines hold for other machines, too; a marker stands for each
// package.
std::string format_requirements(const Pylock& lock, const std::filesystem::path& lock_directory);

// A requirements file with its hashes out of their comments; any other comes back as it is. Lines keep their
// numbers.
std::string with_commented_hashes(std::string text);

// The dependency groups that were locked along.
std::vector<std::string> groups_of_requirements(std::string_view text);

}  // namespace moat
