// What has changed in the inputs of a lock since it was made.
#pragma once

#include "resolver/lock/lockfile.h"

#include <string>
#include <vector>

namespace moat {

// The differences between the old and the new inputs, line by line: "requirements: + flask>=3".
std::vector<std::string> input_differences(const LockedInputs& before, const LockedInputs& now);

}  // namespace moat
