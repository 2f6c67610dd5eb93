// Fills in the fields that a project leaves to its build backend (PEP 621 `dynamic`, or no [project] at all)
// from the metadata that the backend returns.
#pragma once

#include "resolver/files/pyproject.h"
#include "resolver/pep/marker.h"
#include "resolver/pep/metadata.h"

namespace moat {

// A project without a [project] table: the backend supplies every field.
ProjectTable project_table_of(const CoreMetadata& metadata, const MarkerEnvironment& environment);

// Replaces what `table` calls dynamic: dependencies, optional-dependencies, requires-python. Metadata has one
// list for all extras; it is split by extra for this environment, so the resulting lines have no markers.
// Lines have no place (line 0).
void take_dynamic(ProjectTable& table, const CoreMetadata& metadata, const MarkerEnvironment& environment);

}  // namespace moat
