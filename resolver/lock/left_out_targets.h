// The message about targets that a project's lock is not for, because nothing can be installed there.
#pragma once

#include "resolver/lock/lock_space.h"
#include "resolver/lock/universal.h"

#include <string>
#include <vector>

namespace moat {

// One sentence per reason, and one on how to choose targets; empty: nothing was left out.
//
//   the lock is not for windows-x86_64, nor for macos-arm64 with Python 3.9 to 3.10: pyproject.toml:5
//   requires …
std::vector<std::string> left_out_warnings(const LockSpace& space,
                                           const std::vector<LeftOutTarget>& left_out);

}  // namespace moat
