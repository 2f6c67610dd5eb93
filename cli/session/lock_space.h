// What `moat lock` locks for, where that is more than one target: platforms, and Pythons on each of them.
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
  std::vector<std::string> platforms;  // as they were named: "linux-x86_64"
  std::vector<PythonMinor> pythons;    // newest first
  SpecifierSet requires_python;        // of the lock
  bool is_universal = false;           // all other platforms as well
  bool is_declared = true;             // somebody named the platforms: all must be installable there
  // Each platform with each Python, in the order in which they are resolved.
  std::vector<LockTarget> targets;
  std::set<std::size_t> left_out = {};  // places in `targets` that the lock is not for after all

  // The targets that the lock is for.
  std::vector<const LockTarget*> kept() const;
};

// What the options, [tool.moat] targets of the project, and requires-python ask for; nullopt: one target.
// A project that declares no targets is locked for this machine and for the usual platforms as far as there
// is an answer; what the lock that is there is for, `earlier`, stays among them, so that developers on
// different machines do not undo each other's locks. `here`: whose Python counts where nothing names one.
// Throws Error(Usage).
std::optional<LockSpace> lock_space(const LockCommand& command, bool of_project,
                                    const std::optional<SpecifierSet>& requires_python,
                                    const Interpreter& here, const Settings& settings, const Pylock* earlier);
// That of a lock which is there. Error(BadInput) where it names no targets that could be meant.
LockSpace lock_space(const LockedInputs& inputs, const SpecifierSet& requires_python);

// What `environments` of the lock excludes is left out.
void leave_out_excluded(LockSpace& space, const Pylock& lock);

// `environments` of the lock; empty where it is for all.
std::vector<Marker> environments_of(const LockSpace& space);

// What the lock lacks of what it says it was made from, for its targets. REQUIRES: lock.inputs.
std::vector<std::string> gaps(const Pylock& lock, const LockSpace& space);

// What cannot be installed from the lock: "windows-x86_64, Python 3.10: …" with what there is instead.
std::vector<std::string> unproved(const Pylock& lock, const LockSpace& space, bool may_build);

}  // namespace moat
