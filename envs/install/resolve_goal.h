// Goal → resolution: the versions that meet what is asked for, beside what is installed.
#pragma once

#include "envs/install/goal.h"
#include "envs/install/hash_mode.h"
#include "envs/install/install_request.h"
#include "envs/install/installed_graph.h"
#include "envs/install/present.h"
#include "envs/install/unmet.h"
#include "fetch/index/index_source.h"
#include "fetch/store/tools.h"
#include "resolver/lock/universal.h"
#include "resolver/solve/resolution.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace moat {

struct ResolvePolicy {
  bool upgrade = false;                    // ignore installed versions
  std::set<PackageName> upgrade_packages;  // … of these
  bool no_deps = false;
  std::optional<int> fix;  // resolve_for() loosens the lines of this fix
};

// Constraints that exclude those of the chosen versions that have a known vulnerability.
using ExcludeVulnerable =
    std::function<std::vector<RootRequirement>(const std::vector<const ResolvedPackage*>& chosen)>;

// By which terms versions are chosen, and who is asked.
struct ResolveTools {
  InstallRequest terms;
  IndexSourceOptions indexes;  // those of the terms; without sources in it, sources are not candidates
  Tools tools;                 // with the client for these indexes
  ExcludeVulnerable exclude_vulnerable;  // REQUIRES: set where terms.no_vulnerable is
};

// What resolving gives: an answer, or why there is none.
using GoalOutcome = std::variant<Resolution, Unmet, UnpinnedLines>;
using EverywhereOutcome = std::variant<UniversalResolution, Unmet>;

// The versions that meet the goal.
GoalOutcome resolve_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                         const std::map<PackageName, Version>& preferences, const ResolveTools& with);

// The same for many environments. The request's own lines and policies are those of the goal.
EverywhereOutcome resolve_everywhere(const Goal& goal, const ResolvePolicy& policy, UniversalRequest& request,
                                     const ResolveTools& with);

// As resolve_goal, but installed packages and earlier requests that the answer would break are added to the
// goal, so that they are changed as well or cause a conflict. Obeys policy.fix, which loosens lines of the
// goal; Error(Usage) if there is nothing to fix.
GoalOutcome resolve_for(Goal& goal, const ResolvePolicy& policy, const Target& target,
                        const InstalledGraph& graph, const Present& present, const ResolveTools& with);

// Reports typed requirements that their own markers exclude here: nothing is installed for them.
void say_excluded(const Goal& goal, const MarkerEnvironment& environment, Reporter& reporter);

// Error(Usage) if a package to upgrade is neither needed nor installed: probably a typo.
void check_upgrades(const ResolvePolicy& policy, const Resolution& resolution,
                    const std::map<PackageName, Version>& before);

}  // namespace moat
