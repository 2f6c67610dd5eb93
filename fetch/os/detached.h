// A process that outlives this one and runs unnoticed.
#pragma once

#include <string>
#include <vector>

namespace moat {

// Starts this program with these arguments: in its own session, at the lowest priority for processor and
// disk, without open files, in the root directory, with few variables. Returns false if it cannot be
// started.
bool start_detached(const std::vector<std::string>& arguments) noexcept;

}  // namespace moat
