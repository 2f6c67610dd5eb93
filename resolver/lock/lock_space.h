// The targets of a lock, if there are several, and whether a lock serves all of them.
#pragma once

#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct LockSpace {
  std::vector<std::string> platforms;  // as the user named them: "linux-x86_64"
  std::vector<PythonMinor> pythons;    // newest first
  SpecifierSet requires_python;        // of the lock
  bool is_universal = false;           // all other platforms as well
  bool is_declared = true;             // the user named the platforms: all must be installable there
  // Each platform with each Python, in the order in which they are resolved.
  std::vector<LockTarget> targets;
  std::set<std::size_t> left_out = {};  // indices in `targets` that the lock is not for after all

  // The targets that the lock is for.
  std::vector<const LockTarget*> kept() const;
};

// Leaves out targets that `environments` of the lock excludes.
void leave_out_excluded(LockSpace& space, const Pylock& lock);

// `environments` of the lock; empty if it is for all.
std::vector<Marker> environments_of(const LockSpace& space);

// The inputs that the lock does not meet, for its targets. REQUIRES: lock.inputs.
std::vector<std::string> gaps(const Pylock& lock, const LockSpace& space);

// What cannot be installed from the lock: "windows-x86_64, Python 3.10: …", with the available files.
std::vector<std::string> unproved(const Pylock& lock, const LockSpace& space, bool may_build);

}  // namespace moat
