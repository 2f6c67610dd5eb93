// Notes about newer releases that were left out because a file cannot be used: without a note nobody would
// expect an older version.
#pragma once

#include "resolver/solve/solution.h"

#include <string>
#include <vector>

namespace moat {

// One sentence for each chosen package with a newer release that the user's lines and all dependents would
// accept, but that its own file rules out, or a file of a package that only that release needs.
std::vector<std::string> notes_on_passed_over(const Solution& solution, const Encoding& encoding);

}  // namespace moat
