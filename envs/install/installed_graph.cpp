#include "envs/install/installed_graph.h"

#include <algorithm>

namespace moat {
namespace {

std::optional<CoreMetadata> metadata_of(const InstalledDistribution& distribution) {
  Expected<CoreMetadata> metadata = CoreMetadata::parse(distribution.metadata);
  if (!metadata) return std::nullopt;
  return std::move(*metadata);
}

bool names(const std::vector<Requirement>& requirements, const PackageName& name) {
  return std::any_of(requirements.begin(), requirements.end(),
                     [&](const Requirement& r) { return r.name == name; });
}

}  // namespace

InstalledGraph::InstalledGraph(const InstalledDistributions& installed, MarkerEnvironment markers)
    : markers_(std::move(markers)) {
  for (const InstalledDistribution& distribution : installed.all)
    nodes_.emplace(distribution.name, InstalledNode{distribution, metadata_of(distribution), {}});
  infer_extras();
}

const InstalledNode* InstalledGraph::find(const PackageName& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

std::vector<Requirement> InstalledGraph::applicable(const InstalledNode& node,
                                                    const std::set<ExtraName>& extras) const {
  std::vector<Requirement> out;
  if (!node.metadata) return out;
  for (const Requirement& requirement : node.metadata->requires_dist)
    if (!requirement.marker || requirement.marker->evaluate(markers_, extras)) out.push_back(requirement);
  std::sort(out.begin(), out.end(), [](const Requirement& a, const Requirement& b) {
    return a.name != b.name ? a.name < b.name : a.to_string() < b.to_string();
  });
  return out;
}

std::vector<Requirement> InstalledGraph::requirements_of(const InstalledNode& node) const {
  return applicable(node, node.extras);
}

std::vector<const InstalledNode*> InstalledGraph::dependents_of(const PackageName& name) const {
  std::vector<const InstalledNode*> out;
  for (const auto& [other, node] : nodes_)
    if (other != name && names(requirements_of(node), name)) out.push_back(&node);
  return out;
}

std::set<PackageName> InstalledGraph::direct(const PackageName& name, Extras extras) const {
  const InstalledNode* node = find(name);
  if (node == nullptr) return {};
  std::set<ExtraName> active = node->extras;
  if (extras == Extras::All && node->metadata)
    active.insert(node->metadata->provides_extra.begin(), node->metadata->provides_extra.end());
  std::set<PackageName> out;
  for (const Requirement& requirement : applicable(*node, active)) out.insert(requirement.name);
  return out;
}

std::set<PackageName> InstalledGraph::closure(const std::set<PackageName>& from, Extras extras) const {
  std::set<PackageName> reached;
  std::vector<PackageName> open(from.begin(), from.end());
  while (!open.empty()) {
    const PackageName name = open.back();
    open.pop_back();
    if (find(name) == nullptr || !reached.insert(name).second) continue;
    const std::set<PackageName> next = direct(name, extras);
    open.insert(open.end(), next.begin(), next.end());
  }
  return reached;
}

// Extras that others require, until nothing is added; then one extra that explains an unexplained package;
// again.
void InstalledGraph::infer_extras() {
  const auto spread = [&] {
    for (bool more = true; more;) {
      more = false;
      for (const auto& [name, node] : nodes_)
        for (const Requirement& requirement : requirements_of(node))
          if (const auto target = nodes_.find(requirement.name); target != nodes_.end())
            for (const ExtraName& extra : requirement.extras)
              more = target->second.extras.insert(extra).second || more;
    }
  };
  const auto explain_one = [&] {
    for (const auto& [name, node] : nodes_) {
      if (node.distribution.requested || !dependents_of(name).empty()) continue;
      for (auto& [other, asker] : nodes_) {
        if (other == name || !asker.metadata) continue;
        for (const ExtraName& extra : asker.metadata->provides_extra)
          if (names(applicable(asker, {extra}), name)) return asker.extras.insert(extra).second;
      }
    }
    return false;
  };
  do spread();
  while (explain_one());
}

bool InstalledGraph::satisfies(const Requirement& requirement,
                               const std::map<PackageName, SpecifierSet>& limits,
                               std::map<PackageName, std::set<ExtraName>>& seen) const {
  const InstalledNode* node = find(requirement.name);
  if (node == nullptr || !node->metadata || !requirement.specifier.contains(node->distribution.version))
    return false;
  const auto limit = limits.find(requirement.name);
  if (limit != limits.end() && !limit->second.contains(node->distribution.version)) return false;

  const auto [place, is_new] = seen.try_emplace(requirement.name);
  const std::size_t before = place->second.size();
  place->second.insert(requirement.extras.begin(), requirement.extras.end());
  if (!is_new && place->second.size() == before) return true;
  const std::set<ExtraName> extras = place->second;
  for (const Requirement& next : applicable(*node, extras))
    if (!satisfies(next, limits, seen)) return false;
  return true;
}

bool InstalledGraph::satisfies(const std::vector<RootRequirement>& requirements,
                               const std::vector<RootRequirement>& constraints) const {
  std::map<PackageName, SpecifierSet> limits;
  for (const RootRequirement& constraint : constraints) {
    const Requirement& line = constraint.requirement;
    if (line.url) return false;
    if (line.marker && !line.marker->evaluate(markers_)) continue;
    SpecifierSet& limit = limits[line.name];
    limit = limit.intersected(line.specifier);
  }
  std::map<PackageName, std::set<ExtraName>> seen;
  for (const RootRequirement& root : requirements) {
    const Requirement& line = root.requirement;
    if (line.marker && !line.marker->evaluate(markers_)) continue;
    if (line.url || !root.hashes.empty() || !satisfies(line, limits, seen)) return false;
  }
  return true;
}

}  // namespace moat
