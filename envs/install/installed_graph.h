// The packages installed in an environment, and who requires them: for list, show, tree, why, uninstall
// --orphans, and an install that finds everything there already.
#pragma once

#include "envs/environment/environment.h"
#include "envs/environment/installed.h"
#include "fetch/store/store.h"
#include "resolver/pep/metadata.h"
#include "resolver/solve/solve.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct InstalledNode {
  InstalledDistribution distribution;
  std::optional<CoreMetadata> metadata;  // nullopt where it cannot be read
  std::set<ExtraName> extras;            // in effect: asked for by others, or inferred (see InstalledGraph)
};

// Extras are not recorded when a package is installed. Those that others require are known; an extra of a
// package is inferred if it explains a package that nothing else explains.
class InstalledGraph {
 public:
  InstalledGraph(const InstalledDistributions& installed, MarkerEnvironment markers);

  const std::map<PackageName, InstalledNode>& nodes() const { return nodes_; }
  const InstalledNode* find(const PackageName& name) const;
  const MarkerEnvironment& markers() const { return markers_; }

  // What the package requires here, with the extras in effect. By name, then text.
  std::vector<Requirement> requirements_of(const InstalledNode& node) const;
  // Who requires it, among the installed.
  std::vector<const InstalledNode*> dependents_of(const PackageName& name) const;

  // All: requirements of every extra of the package count as well.
  enum class Extras { InEffect, All };
  // The names a package requires here; empty where it is not installed.
  std::set<PackageName> direct(const PackageName& name, Extras extras) const;
  // Everything installed that is reachable from these, themselves included.
  std::set<PackageName> closure(const std::set<PackageName>& from, Extras extras) const;

  // Do the installed packages meet these requirements and their dependencies, under these constraints?
  bool satisfies(const std::vector<RootRequirement>& requirements,
                 const std::vector<RootRequirement>& constraints) const;

 private:
  std::vector<Requirement> applicable(const InstalledNode& node, const std::set<ExtraName>& extras) const;
  bool satisfies(const Requirement& requirement, const std::map<PackageName, SpecifierSet>& limits,
                 std::map<PackageName, std::set<ExtraName>>& seen) const;
  void infer_extras();

  std::map<PackageName, InstalledNode> nodes_;
  MarkerEnvironment markers_;
};

}  // namespace moat
