// Which targets a lock is for, if there are several: platforms, and Pythons on each of them.
#pragma once

#include "envs/python/interpreter.h"
#include "resolver/lock/lock_space.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/specifier.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

// What the user and the project say about it.
struct TargetsAsked {
  std::vector<std::string> platforms;        // named for this lock: "linux-x86_64"
  std::vector<std::string> python_versions;  // as well: "3.12", "3.14.2"
  bool universal = false;
  std::vector<std::string> declared;  // platforms that the project declares
  bool is_for_all = false;            // of a project or a script: for several targets unless one is named
  std::optional<SpecifierSet> requires_python;
};

// nullopt: one target. A project that declares no targets is locked for this machine and for those of the
// usual platforms that have an answer; the targets of the existing lock, `earlier`, are kept, so that
// developers on different machines do not undo each other's locks. Where the tables of targets do not know
// this machine or implementation of Python, a lock is for it alone, unless there is one for others. `here`:
// the default Python. Throws Error(Usage), or Error(NoInterpreter) where requires-python leaves no Python.
std::optional<LockSpace> lock_space(const TargetsAsked& asked, const Interpreter& here,
                                    const Pylock* earlier);

}  // namespace moat
