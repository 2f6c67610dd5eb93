// Notes for requests that fell far behind because of others.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/request_lines.h"
#include "resolver/solve/solution.h"

#include <chrono>
#include <string>
#include <vector>

namespace moat {

// One sentence for each request that got a version older than `window` before the newest that its own lines
// allow, naming the requests that hold it back, as far as the known facts refute anything better.
std::vector<std::string> notes_on_fairness(const Solution& solution, Encoding& encoding,
                                           const RequestLines& lines, const std::vector<bool>& permitted,
                                           std::chrono::seconds window);

}  // namespace moat
