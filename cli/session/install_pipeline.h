// Goal → resolution → wheels → a change of the environment. Behind create, install, lock and sync.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "envs/install/installed_graph.h"
#include "envs/install/present.h"
#include "envs/place/transaction.h"
#include "envs/python/runtime.h"
#include "resolver/lock/universal.h"
#include "resolver/solve/resolution.h"

#include <future>
#include <optional>
#include <set>
#include <vector>

namespace moat {

struct ResolvePolicy {
  bool upgrade = false;                    // ignore installed versions
  std::set<PackageName> upgrade_packages;  // … of these
  bool no_deps = false;
  bool takes_fix = false;  // the command has --fix N
  std::optional<int> fix;  // and it was given
};

// Reports typed requirements that their own markers exclude here: nothing is installed for them.
void say_excluded(const Goal& goal, const MarkerEnvironment& environment, Session& session);

// Error(Usage) if a package to upgrade is neither needed nor installed: probably a typo.
void check_upgrades(const ResolvePolicy& policy, const Resolution& resolution,
                    const std::map<PackageName, Version>& before);

// The versions that meet the goal. Throws ExplainedError(NoSolution or NotFound) if there are none.
Resolution resolve_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                        const std::map<PackageName, Version>& preferences, Session& session);

// The same for many environments. The request's own lines and policies are those of the goal.
UniversalResolution resolve_everywhere(const Goal& goal, const ResolvePolicy& policy,
                                       UniversalRequest& request, Session& session);

// As resolve_goal, but installed packages and earlier requests that the answer would break are added to the
// goal, so that they are changed as well or cause a conflict. Obeys policy.fix, which loosens lines of the
// goal; Error(Usage) if there is nothing to fix.
Resolution resolve_for(Goal& goal, const ResolvePolicy& policy, const Target& target,
                       const InstalledGraph& graph, const Present& present, Session& session);

// The packages of a resolution that are not installed yet, without their wheels.
struct Step {
  const ResolvedPackage* package = nullptr;
  bool requested = false;
  std::vector<Digest> hashes;  // that the user's lines allow
  bool editable = false;
};
struct InstallPlan {
  std::vector<Step> steps;
  std::set<PackageName> mark_requested;
};
InstallPlan plan_install(const Goal& goal, const Resolution& resolution, const Present& present,
                         bool reinstall);

// The output of a dry run.
TransactionRequest without_wheels(const InstallPlan& plan);
// Builds packages that exist only as sources; downloads, verifies and unpacks the others, and compiles with
// `runtime` meanwhile (not at all if that future is not valid); drops packages from the plan that turn out to
// be installed already (same wheel).
TransactionRequest with_wheels(const InstallPlan& plan, const Present& present, bool reinstall,
                               const std::shared_future<Runtime>& runtime, Session& session);
// The runtime inside an environment, as far as compiling needs it.
std::shared_future<Runtime> runtime_inside(const std::filesystem::path& environment,
                                           const Interpreter& interpreter);

// How much disk space a big change will take, also with shared binaries: "this takes 5.2 GB of the disk;
// `--link-mode shared-binaries` would take 200.0 MB". "" if that would save less than 1 GB, or if nothing is
// copied.
std::string disk_cost(const TransactionRequest& request, LinkMode mode);

// Settings that apply to every change of an environment.
TransactionResult apply(TransactionRequest request, const Environment& environment, Session& session);

}  // namespace moat
