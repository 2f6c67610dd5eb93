// Newer releases that were left out because a file cannot be used: said, since nobody expects an older answer
// for it.
#pragma once

#include "resolver/solve/solution.h"

#include <string>
#include <vector>

namespace moat {

// One sentence for each chosen package with a newer release that its user's lines and all who need it would
// take, and that its own file rules out, or that of a package which only that release needs.
std::vector<std::string> notes_on_passed_over(const Solution& solution, const Encoding& encoding);

}  // namespace moat
