// How a conflict is told: its sentences, and a few fixes that were checked by resolving.
#pragma once

#include "cli/output/output.h"
#include "cli/session/goal.h"
#include "fetch/store/store.h"
#include "resolver/solve/fixes.h"

#include <map>
#include <string>
#include <vector>

namespace moat {

// A goal that cannot be met.
struct Unmet {
  Conflict conflict;
  FoundFixes found;                         // the first few, in the order of the conflict's lines
  std::map<PackageName, std::string> near;  // of projects that no index has: a name that may have been meant
};

// Names that may have been meant, among those that indexes had (in this run or an earlier one) and those that
// are installed.
std::map<PackageName, std::string> near_names(const Conflict& conflict,
                                              const std::map<PackageName, Version>& present,
                                              const Store& store);

// `present`: the versions that are there, against which other packages count as changed. `takes_fix`: the
// command has an option --fix N. `where`: of several targets the one that has no answer.
ExplainedError conflict_error(const Unmet& unmet, const Target& target,
                              const std::map<PackageName, Version>& present, bool takes_fix,
                              const std::string& where = "");

// The goal with the line of fix N loosened. Error(Usage) where there is no fix N.
Goal apply_fix(const Goal& goal, const Unmet& unmet, int number);

}  // namespace moat
