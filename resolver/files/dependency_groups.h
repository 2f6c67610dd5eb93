// Dependency groups (PEP 735), and a project's requirements of its own extras: both expand in place.
#pragma once

#include "resolver/files/pyproject.h"

#include <vector>

namespace moat {

// The requirements of a group: includes are expanded in place, order and repetitions are kept. An unknown
// group is an error that lists the known ones; a cycle is an error that shows its path. Two names that
// differ only in spelling are always an error; a bad entry in a group is an error only when that group is
// used.
Expected<std::vector<ProjectLine>> expand_group(const PyProject& file, const GroupName& group);

// The requirements that a project has on its own extras: `all = ["pkg[a,b]"]` means the requirements of the
// extras `a` and `b`, under the same marker; `pkg` alone adds nothing. Cycles of extras end. Other lines stay
// as they are. An extra that the project does not have is an error.
Expected<std::vector<ProjectLine>> expand_own_extras(const ProjectTable& project,
                                                     const std::vector<ProjectLine>& lines);

}  // namespace moat
