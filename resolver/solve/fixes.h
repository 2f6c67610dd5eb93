// What would help in a conflict: one of the user's lines, loosened, with the answer that it gives; or
// several, where there are further conflicts behind the first. Each was checked by resolving.
#pragma once

#include "resolver/solve/solve.h"

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

// e.g. requirements.txt:2 asks numpy<2; with numpy<3 there is an answer, which has pandas 3.1.0 and
// numpy 2.4.1.
struct Fix {
  struct Change {
    Edge line;  // the user's line, as in the conflict's core
    Requirement instead;
  };
  std::vector<Change> changes;                         // of the conflict's own line first
  Resolution resolution;                               // what it gives
  std::vector<std::pair<PackageName, Version>> gives;  // of it, the projects of the core, in its order
};

struct FoundFixes {
  std::vector<Fix> fixes;
  // There may be more, which were not found because …
  bool ran_out = false;          // the budget was used up
  bool left_builds_out = false;  // some sources would have had to be fetched, and perhaps built, to ask them
};

// For all lines of a core together: about what the hardest resolutions of one line need. Each line gets an
// equal share, and what the lines before it left unused.
inline constexpr ResolveBudget kFixBudget{.rounds = 400, .releases = 4000};

// One for each line of the core that helps when loosened, in the order of the core. If loosening it
// leads to another conflict, that one is fixed in the same way. Only version clauses are changed:
// clauses that the answer does not meet are dropped, an upper bound moves to the next major version.
// Lines with a URL are left alone. If the world fails while a line is tried (offline, a server error),
// that is not a fix.
//
// Nothing is built for a fix, so the source stops building: sdists of unknown requirements are passed over
// while fixes are looked for, and an answer that chooses one is not offered.
FoundFixes find_fixes(const Conflict& conflict, const ResolveRequest& request, CandidateSource& source,
                      Reporter& reporter, const std::stop_token& stop = {},
                      std::size_t at_most = static_cast<std::size_t>(-1), ResolveBudget budget = kFixBudget);

// Puts the changes into the lines that are among these.
void loosen_lines(std::vector<RootRequirement>& lines, const Fix& fix);

// "numpy <3 gives pandas 3.1.0, numpy 2.4.1"
std::string to_string(const Fix& fix);

}  // namespace moat
