// Extras and groups that exclude each other have no answer together. Each choice that is possible is resolved
// by itself, a *world*; what the worlds have in common is in the lock once, and the rest with markers that
// ask which of the choices was made:
//
//   cpu and gpu exclude each other: the worlds {cpu}, {gpu}
//   torch 2.1  "gpu" not in extras        (the first world is also for who chooses neither)
//   torch 2.0  "gpu" in extras
#pragma once

#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace moat {

// Places in the request's roots.
using RootSet = std::set<std::size_t>;

inline constexpr std::size_t kMostWorlds = 32;

// The largest sets of roots of which no two are in one of the conflicts; the order is that of the roots.
// Without conflicts: one, of all roots. Error(Usage) where there are more than kMostWorlds.
std::vector<RootSet> worlds_of(std::size_t roots, const std::vector<RootSet>& conflicts);

// Of `conflicts` as LockedInputs has them: each set, as places in `roots`.
std::vector<RootSet> conflicting_roots(const std::vector<std::vector<std::string>>& conflicts,
                                       const std::vector<LockRoot>& roots);

// The extras and groups that a world stands for.
struct WorldChoice {
  std::set<ExtraName> extras;
  std::set<GroupName> groups;
};
WorldChoice choice_of(const RootSet& world, const std::vector<LockRoot>& roots);

// The request with only the lines of these roots, which keep their numbers.
UniversalRequest request_of_world(const UniversalRequest& request, const RootSet& world);

// Merges the locks of the worlds into one. Order: as worlds_of() gives them.
Pylock join_worlds(const std::vector<Pylock>& locks, const std::vector<RootSet>& worlds,
                   const std::vector<RootSet>& conflicts, const std::vector<LockRoot>& roots);

}  // namespace moat
