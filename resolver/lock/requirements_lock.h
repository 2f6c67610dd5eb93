// A lock in the form of a requirements file, for moat, pip and uv.
//
// If one line has a hash, pip and uv want a hash on every line, and folders and commits have none. Next to
// those, the hashes are written in comments, which moat still reads:
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

// Every file of a release is listed, so that the lines work on other machines too; each package has a
// marker.
std::string format_requirements(const Pylock& lock, const std::filesystem::path& lock_directory);

// A requirements file with the hashes moved out of their comments; any other file is returned unchanged. Line
// numbers stay the same.
std::string with_commented_hashes(std::string text);

// The dependency groups that were locked along.
std::vector<std::string> groups_of_requirements(std::string_view text);

}  // namespace moat
