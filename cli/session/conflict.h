// How a conflict is reported: its sentences, and a few fixes that were checked by resolving.
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

// Similar names, among those that indexes had (in this run or an earlier one) and those that are
// installed.
std::map<PackageName, std::string> near_names(const Conflict& conflict,
                                              const std::map<PackageName, Version>& present,
                                              const Store& store);

// `present`: the installed versions; other versions count as changes. `takes_fix`: the command has an option
// --fix N. `where`: the target without an answer, if there are several.
ExplainedError conflict_error(const Unmet& unmet, const Target& target,
                              const std::map<PackageName, Version>& present, bool takes_fix,
                              const std::string& where = "");

// The goal with the line of fix N loosened. Error(Usage) if there is no fix N.
Goal apply_fix(const Goal& goal, const Unmet& unmet, int number);

}  // namespace moat
