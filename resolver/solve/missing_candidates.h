// Why a project has no usable release, derived from the filter's verdicts. Pure.
#pragma once

#include "resolver/solve/candidate_filter.h"
#include "resolver/solve/resolution.h"

#include <string>

namespace moat {

// {NoUsableFile, "1.0 has wheels for Python 3.10, 3.12 on this platform and none for …"}
struct MissingCandidatesReason {
  MissingCandidates lack = MissingCandidates::Conflicting;
  std::string detail;  // a clause, for people
  MissingCandidatesFacts facts = {};
};

// Why no candidate of the project meets the specifiers; Conflicting if one does. `filtered`: the filter's
// verdicts for the project.
MissingCandidatesReason missing_candidates_of(const Project& project, const FilteredProject& filtered,
                                              const SpecifierSet& specifiers, CandidateFilter& filter);

}  // namespace moat
