// What `sync` and `bundle` share: which lock, and what of it.
#pragma once

#include "cli/session.h"
#include "resolver/lockfile.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// The lock that was named, else the project's. Error(Usage) where there is none, or where it is another
// user's.
std::filesystem::path lock_path(const std::optional<std::string>& named, const Settings& settings);
Pylock read_pylock(const std::filesystem::path& path, Session& session);
// What --extra and --group choose for a target.
std::vector<SelectedPackage> select_packages(const Pylock& lock, const std::vector<std::string>& extras,
                                             const std::vector<std::string>& groups, const Target& target);

}  // namespace moat
