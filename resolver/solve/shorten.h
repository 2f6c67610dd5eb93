// The basis of a refutation, shortened as far as it still is a contradiction.
//
// libsolv's refutation is one of many: it names every candidate that it happened to look at, each with the
// requirement that happened to rule it out. Told like that, a conflict of apache-airflow has a hundred lines.
// So the reasons are put into a small problem of their own, which is solved again and again: with fewer
// reasons, and with weaker ones that cover more versions (`every airflow 3 needs core >=3.0`, where each
// needs the core of its own version), as long as no answer comes up. What is left is true, and enough.
#pragma once

#include "resolver/solve/claims.h"

#include <stop_token>
#include <vector>

namespace moat {

// dropped: the user's lines that the contradiction does not need. Newest candidates first. The work is
// bounded: for a very long refutation, returns the best found so far.
Claims shortened(const Proof& proof, const RequestLines& lines, const Encoding& encoding,
                 const std::vector<bool>& permitted, const std::vector<bool>& dropped,
                 const std::stop_token& stop);

}  // namespace moat
