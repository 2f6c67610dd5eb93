// What a project leaves to its build backend (PEP 621 `dynamic`, or no [project] at all), filled in from the
// metadata that the backend gives.
#pragma once

#include "resolver/files/pyproject.h"
#include "resolver/pep/marker.h"
#include "resolver/pep/metadata.h"

namespace moat {

// A project without a [project] table: all of it is the backend's to say.
ProjectTable project_table_of(const CoreMetadata& metadata, const MarkerEnvironment& environment);

// Replaces what `table` calls dynamic: dependencies, optional-dependencies, requires-python. Metadata has one
// list for all extras; what an extra adds is told apart for this environment, so that its lines come without
// markers. Lines have no place (line 0).
void take_dynamic(ProjectTable& table, const CoreMetadata& metadata, const MarkerEnvironment& environment);

}  // namespace moat
