// A goal that cannot be met, as a value: who asked makes sentences of it, and may try one of its fixes.
#pragma once

#include "envs/install/goal.h"
#include "fetch/store/store.h"
#include "resolver/solve/fixes.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/target.h"

#include <map>
#include <string>
#include <vector>

namespace moat {

struct Unmet {
  Conflict conflict;
  FoundFixes found;                         // the first few, in the order of the conflict's lines
  std::map<PackageName, std::string> near;  // of projects that no index has: a name that may have been meant
  Target target;                            // that has no answer
  std::map<PackageName, Version> present;   // there before, or locked for it
  bool is_one_of_many = false;              // of several targets; the others may have an answer
};

// Is a name in it one that no index has?
bool lacks_a_project(const Conflict& conflict);

// Similar names, among those that indexes had (in this run or an earlier one) and those that are
// installed.
std::map<PackageName, std::string> near_names(const Conflict& conflict,
                                              const std::map<PackageName, Version>& present,
                                              const Store& store);

// The goal with the line of fix N loosened. Error(Usage) if there is no fix N.
Goal apply_fix(const Goal& goal, const Unmet& unmet, int number);

}  // namespace moat
