// Requirements → a lock: for one target, or for several; and whether an existing one is up to date.
#pragma once

#include "envs/install/lock_lines.h"
#include "envs/install/unmet.h"
#include "resolver/lock/lock_document.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/target.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace moat {

using LockOutcome = std::variant<LockDocument, Unmet, UnpinnedLines>;

// `goal`: the lines of files; the others are added to it. `builder`: the Python for builds. Throws as
// resolving does, and Error(Usage) for a package to upgrade that is in no lock.
LockOutcome lock_for_one(const LockQuestion& question, const Target& target, const Interpreter& builder,
                         Goal& goal, const LockTools& with);

// Targets without an answer are left out of the space where it allows that. Error(NoSolution) if the lock
// could not be installed on a target that it is for. An unchanged question is not solved again
// (kept_locks.h).
LockOutcome lock_for_all(const LockQuestion& question, LockSpace& space, Goal& goal, const LockTools& with);

// What is out of date in the earlier lock, or cannot be installed from it, without resolving. REQUIRES: it
// has inputs.
std::vector<std::string> lock_faults(const LockQuestion& question, LockSpace space, Goal goal,
                                     const LockTools& with);

}  // namespace moat
