// What a solve chose, as packages and requirements: only what is reachable from the user's lines.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/request_lines.h"
#include "resolver/solve/resolution.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct Solution {
  struct Choice {
    std::size_t index = 0;  // of the candidate
    std::set<ExtraName> extras;
    bool complete = true;  // all of its variants asked for have been fed
  };
  struct Need {
    std::optional<PackageIndex> from;  // nullopt: the user
    std::optional<LineIndex> line;     // … in this line
    const Requirement* requirement = nullptr;
  };

  std::vector<std::optional<Choice>> choices;  // by package; nullopt: not part of it
  std::vector<Need> needs;                     // in force, in order of discovery

  bool is_complete() const;
};

// installed: as the solver returns it, unneeded packages included.
Solution read_solution(const std::vector<solv::SolvableId>& installed, const Encoding& encoding,
                       const RequestLines& lines);

// REQUIRES: solution.is_complete(). Throws std::logic_error if the solution misses a requirement.
Resolution make_resolution(const Solution& solution, const Encoding& encoding, const RequestLines& lines);

}  // namespace moat
