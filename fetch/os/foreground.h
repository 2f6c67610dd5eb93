// Programs on this process's own streams: beside it, or in its place.
#pragma once

#include "fetch/os/variables.h"

#include <stop_token>
#include <string>
#include <vector>

namespace moat {

// Runs to its end on this process's own streams: returns its exit status, or 128 + signal. Error(Disk) if it
// cannot be started, Error(Interrupted) if `stop` was requested; then it was ended as well.
int run_program(const std::vector<std::string>& argv, const Variables& variables,
                const std::stop_token& stop);

// Replaces this process. Only returns by throwing: Error(Disk) if it cannot be started.
[[noreturn]] void execute_program(const std::vector<std::string>& argv, const Variables& variables);

}  // namespace moat
