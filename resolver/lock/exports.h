// A lock in the forms that other tools read.
#pragma once

#include "resolver/files/pyproject.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/target.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

// The part of the lock that is installed with these extras and groups, for any target: its markers no longer
// mention extras or groups.
Pylock settled_lock(const Pylock& lock, const std::set<ExtraName>& extras, const std::set<GroupName>& groups);

// REQUIRES: a settled lock. Folders are left out, because they have no hashes and pip accepts no line without
// hashes next to lines that have them; `left_out` gets their names.
std::string export_requirements(const Pylock& lock, const std::filesystem::path& lock_directory,
                                std::vector<std::string>& left_out);
// name==version, for -c.
std::string export_constraints(const Pylock& lock);
// Exactly what one target installs: one file a package.
Pylock target_lock(const Pylock& lock, const Target& target, const std::set<ExtraName>& extras,
                   const std::set<GroupName>& groups);
std::string export_target(const Pylock& lock, const Target& target, const std::set<ExtraName>& extras,
                          const std::set<GroupName>& groups);

// CycloneDX 1.6, of a lock that is settled, for the project if it is known; the same lock gives the same
// bytes.
std::string export_cyclonedx(const Pylock& lock, const std::optional<ProjectName>& project);

}  // namespace moat
