// What to say where a request had to fall far behind for the sake of others.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/request_lines.h"
#include "resolver/solve/solution.h"

#include <chrono>
#include <string>
#include <vector>

namespace moat {

// One sentence for each request that was taken further than `window` behind the newest that its own lines
// allow, with the requests that hold it back, as far as what is known refutes anything better.
std::vector<std::string> notes_on_fairness(const Solution& solution, Encoding& encoding,
                                           const RequestLines& lines, const std::vector<bool>& permitted,
                                           std::chrono::seconds window);

}  // namespace moat
