// From a refuted request to a Conflict: which of the user's lines contradict each other, and the steps
// between.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/request_lines.h"
#include "resolver/solve/resolution.h"

#include <stop_token>
#include <vector>

namespace moat {

// REQUIRES: the goal of all lines, without a window, has been refuted over this encoding.
// Every line of the core was shown to be needed by solving without it.
Conflict make_conflict(const RequestLines& lines, Encoding& encoding, const std::vector<bool>& permitted,
                       CandidateFilter& filter, const std::stop_token& stop);

}  // namespace moat
