// moat pip check
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moat {
namespace {

// One line per problem, worded as by pip; by package, missing ones before mismatches.
std::vector<std::string> broken_requirements(const InstalledGraph& graph) {
  std::vector<std::string> missing, conflicting;
  for (const auto& [name, node] : graph.nodes()) {
    const std::string who = fmt::format("{} {}", name.normalized(), node.distribution.version.to_string());
    std::set<std::string> lacks, clashes;
    for (const Requirement& requirement : plain_requirements(node, graph.markers())) {
      const InstalledNode* there = graph.find(requirement.name);
      if (there == nullptr)
        lacks.insert(
            fmt::format("{} requires {}, which is not installed.", who, requirement.name.normalized()));
      else if (!requirement.specifier.contains(there->distribution.version))
        clashes.insert(fmt::format("{} has requirement {}, but you have {} {}.", who, requirement.to_string(),
                                   requirement.name.normalized(), there->distribution.version.to_string()));
    }
    missing.insert(missing.end(), lacks.begin(), lacks.end());
    conflicting.insert(conflicting.end(), clashes.begin(), clashes.end());
  }
  missing.insert(missing.end(), conflicting.begin(), conflicting.end());
  return missing;
}

// Installed wheels that are for another platform or Python.
std::vector<std::string> unsupported(const InstalledGraph& graph, const TagSet& tags) {
  std::vector<std::string> out;
  for (const auto& [name, node] : graph.nodes()) {
    const std::optional<std::string> text = read_file_if_exists(node.distribution.info / "WHEEL");
    if (!text) continue;
    const MetadataFields fields = parse_metadata_fields(*text);
    std::vector<Tag> own;
    for (const std::string_view line : fields.find_all("Tag"))
      if (const Expected<std::vector<Tag>> parsed = parse_tags(trim(line)))
        own.insert(own.end(), parsed->begin(), parsed->end());
    if (!own.empty() && !tags.rank(own))
      out.push_back(fmt::format("{} {} is not supported on this platform", node.distribution.name.display(),
                                node.distribution.version.to_string()));
  }
  return out;
}

}  // namespace

int pip_check(const PipCommand& command, Session& session) {
  const PipPlace place = pip_place(command, session);
  const InstalledGraph graph = place.graph(session);
  std::vector<std::string> problems = broken_requirements(graph);
  const Target target = target_of(place.interpreter ? *place.interpreter : pip_interpreter(command, session));
  const std::vector<std::string> foreign = unsupported(graph, target.tags);
  problems.insert(problems.end(), foreign.begin(), foreign.end());
  bool unreadable = false;
  for (const auto& [name, node] : graph.nodes())
    if (!node.metadata) {
      session.output().warn(fmt::format("the metadata of {} cannot be read", name.display()));
      unreadable = true;
    }
  for (const std::string& problem : problems) pip_say(session, problem);
  if (!problems.empty() || unreadable) return 1;
  pip_say(session, "No broken requirements found.");
  return 0;
}

}  // namespace moat
