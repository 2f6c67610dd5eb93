// `conflicts` of [tool.moat]: extras and dependency groups that exclude each other.
//
//   conflicts = [[{ extra = "cpu" }, { extra = "gpu" }]]
#pragma once

#include "envs/project/project_files.h"

#include <string>
#include <vector>

namespace moat {

// Sets of which no two may be asked for together, as "extra cpu", "group dev". Error(BadInput) if an entry is
// not one of the project's.
std::vector<std::vector<std::string>> read_conflicts(const SurroundingProject& around,
                                                     const ProjectChoices& choices);

}  // namespace moat
