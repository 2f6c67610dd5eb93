// What a new lock has otherwise than the earlier one.
#pragma once

#include "resolver/files/digest.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/name.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

// "+ flask 3.1.0", "- six 1.16", "~ jinja2 3.1.2 → 3.1.4", and files whose hash is another one. A package has
// several versions if targets have different ones.
std::vector<std::string> lock_changes(const Pylock& was, const Pylock& now);

// A file of both whose bytes are no longer those.
struct ChangedHash {
  std::string file;
  Digest was, is;
};
std::optional<ChangedHash> changed_hash(const Pylock& was, const Pylock& now);

// Packages that only the earlier one has.
std::set<PackageName> gone_packages(const Pylock& was, const Pylock& now);

}  // namespace moat
