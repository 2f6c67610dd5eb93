// The targets of `moat lock`, if there are several: platforms, and Pythons on each of them.
#pragma once

#include "cli/args/args.h"
#include "cli/session/session.h"
#include "envs/python/interpreter.h"
#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"

#include <optional>
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

// The targets from the options, [tool.moat] targets of the project, and requires-python; nullopt: one
// target. A project that declares no targets is locked for this machine and for those of the usual
// platforms that have an answer; the targets of the existing lock, `earlier`, are kept, so that
// developers on different machines do not undo each other's locks. `here`: the default Python. Throws
// Error(Usage).
std::optional<LockSpace> lock_space(const LockCommand& command, bool of_project,
                                    const std::optional<SpecifierSet>& requires_python,
                                    const Interpreter& here, const Settings& settings, const Pylock* earlier);
// The targets of an existing lock. Error(BadInput) if it names no valid targets.
LockSpace lock_space(const LockedInputs& inputs, const SpecifierSet& requires_python);

// Leaves out targets that `environments` of the lock excludes.
void leave_out_excluded(LockSpace& space, const Pylock& lock);

// `environments` of the lock; empty if it is for all.
std::vector<Marker> environments_of(const LockSpace& space);

// The inputs that the lock does not meet, for its targets. REQUIRES: lock.inputs.
std::vector<std::string> gaps(const Pylock& lock, const LockSpace& space);

// What cannot be installed from the lock: "windows-x86_64, Python 3.10: …", with the available files.
std::vector<std::string> unproved(const Pylock& lock, const LockSpace& space, bool may_build);

}  // namespace moat
