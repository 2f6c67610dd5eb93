#include "resolver/files/dynamic_project.h"

#include <utility>

namespace moat {
namespace {

bool holds(const Requirement& requirement, const MarkerEnvironment& environment,
           const std::set<ExtraName>& extras) {
  return !requirement.marker || requirement.marker->evaluate(environment, extras);
}

bool is_of_extra(const Requirement& requirement) {
  return requirement.marker && requirement.marker->mentions_extra();
}

std::vector<ProjectLine> base_lines(const CoreMetadata& metadata, const MarkerEnvironment& environment) {
  std::vector<ProjectLine> lines;
  for (Requirement requirement : metadata.requires_dist) {
    if (is_of_extra(requirement)) {
      // `python_version < "3" or extra == "x"`: may hold without extras as well.
      if (!holds(requirement, environment, {})) continue;
      requirement.marker.reset();
    }
    lines.push_back({requirement.to_string(), 0});
  }
  return lines;
}

std::vector<ProjectLine> extra_lines(const CoreMetadata& metadata, const ExtraName& extra,
                                     const MarkerEnvironment& environment) {
  std::vector<ProjectLine> lines;
  for (Requirement requirement : metadata.requires_dist) {
    if (!is_of_extra(requirement) || holds(requirement, environment, {}) ||
        !holds(requirement, environment, {extra}))
      continue;
    requirement.marker.reset();
    lines.push_back({requirement.to_string(), 0});
  }
  return lines;
}

}  // namespace

ProjectTable project_table_of(const CoreMetadata& metadata, const MarkerEnvironment& environment) {
  ProjectTable table{.name = metadata.name,
                     .version = metadata.version,
                     .requires_python = {},
                     .dependencies = {},
                     .optional_dependencies = {},
                     .dynamic = {"dependencies", "optional-dependencies", "requires-python"}};
  take_dynamic(table, metadata, environment);
  return table;
}

void take_dynamic(ProjectTable& table, const CoreMetadata& metadata, const MarkerEnvironment& environment) {
  if (table.dynamic.contains("requires-python")) table.requires_python = metadata.requires_python;
  if (table.dynamic.contains("dependencies")) table.dependencies = base_lines(metadata, environment);
  if (!table.dynamic.contains("optional-dependencies")) return;
  table.optional_dependencies.clear();
  for (const ExtraName& extra : metadata.provides_extra)
    table.optional_dependencies.insert_or_assign(extra, extra_lines(metadata, extra, environment));
}

}  // namespace moat
