// Locks that cannot be read as they are: damaged, or with git's conflict markers. Their versions are still
// useful: locking again keeps them where it can.
#pragma once

#include "resolver/lock/lockfile.h"

#include <optional>
#include <string>
#include <string_view>

namespace moat {

struct ConflictSides {
  std::string ours, theirs;
};

// The two texts that git could not merge into one; nullopt: there are no (complete) conflict markers in it.
std::optional<ConflictSides> conflict_sides(std::string_view text);

// The packages of both: one that a single side changed as that side has it, one that both changed as the side
// with the newer version has it. `base`: what both were made from; without it nothing is known to be removed.
// The result was never resolved as a whole, so of what it was made from (`inputs`) it says only what it is
// for, the targets and Pythons of both.
Pylock merge_locks(const Pylock* base, const Pylock& ours, const Pylock& theirs);

// The packages that can be read from a damaged text, one by one; nullopt: there are none. Nothing else in the
// text is kept.
std::optional<Pylock> readable_packages(std::string_view text);

}  // namespace moat
