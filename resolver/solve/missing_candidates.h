// Why nothing of a project can be had, told from what the filter made of its releases. Pure.
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

// Why no candidate of the project meets the specifiers; Conflicting where one does. `filtered` is what the
// filter said of the project.
MissingCandidatesReason missing_candidates_of(const Project& project, const FilteredProject& filtered,
                                              const SpecifierSet& specifiers, CandidateFilter& filter);

}  // namespace moat
