// Dependency groups (PEP 735), and a project's requirements of its own extras: both expand in place.
#pragma once

#include "resolver/files/pyproject.h"

#include <vector>

namespace moat {

// The requirements of a group: includes are expanded where they stand, order and repetitions are kept. A
// group that is not there is an error that lists those that are; a cycle one that shows its path. Names that
// are the same but for spelling are an error whichever of them is asked for; what a group holds wrong, only
// where that group takes part.
Expected<std::vector<ProjectLine>> expand_group(const PyProject& file, const GroupName& group);

// What a project means by a requirement of itself: `all = ["pkg[a,b]"]` is what its extras `a` and `b` ask
// for, under the same marker; `pkg` alone is nothing more. Extras that name each other in a circle end. Other
// lines stay as they are. An extra that the project does not have is an error.
Expected<std::vector<ProjectLine>> expand_own_extras(const ProjectTable& project,
                                                     const std::vector<ProjectLine>& lines);

}  // namespace moat
