// A process that goes on after this one has ended, and that nobody notices.
#pragma once

#include <string>
#include <vector>

namespace moat {

// This very program with these arguments: in a session of its own, at the lowest priority for processor and
// disk, with nothing of what is open here, nowhere on the disk, and few variables. False where it cannot be
// started.
bool start_detached(const std::vector<std::string>& arguments) noexcept;

}  // namespace moat
