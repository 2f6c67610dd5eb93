// Goal → resolution → wheels → a change of the environment. Behind create, install, lock and sync.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "envs/install/installed_graph.h"
#include "envs/place/direct_url.h"
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
  bool upgrade = false;                    // prefer nothing that is there
  std::set<PackageName> upgrade_packages;  // … of these
  bool no_deps = false;
  bool takes_fix = false;  // the command has --fix N
  std::optional<int> fix;  // and it was given
};

// Says which requirements that were typed their own markers exclude here: nothing is installed for them.
void say_excluded(const Goal& goal, const MarkerEnvironment& environment, Session& session);

// Error(Usage) where a package to upgrade is neither needed nor there: a slip of the hand.
void check_upgrades(const ResolvePolicy& policy, const Resolution& resolution,
                    const std::map<PackageName, Version>& before);

// What is there before: nothing, for a new environment.
struct Present {
  std::map<PackageName, Version> versions;
  std::map<PackageName, ManifestPackage> placed;  // what the manifest says of them
  std::map<PackageName, DirectUrl> direct;        // where those came from that no index gave
  std::vector<ManifestRequest> requests;          // what was asked for
  static Present of(const Environment& environment, const InstalledDistributions& installed);
};

// The versions that meet the goal. Throws ExplainedError(NoSolution or NotFound) where there are none.
Resolution resolve_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                        const std::map<PackageName, Version>& preferences, Session& session);

// The same for many environments. The request's own lines and policies are those of the goal.
UniversalResolution resolve_everywhere(const Goal& goal, const ResolvePolicy& policy,
                                       UniversalRequest& request, Session& session);

// As resolve_goal, but installed packages and earlier requests that the answer would break join the goal, so
// that they are changed along or say no. Obeys policy.fix, which loosens lines of the goal; Error(Usage)
// where there is nothing to fix.
Resolution resolve_for(Goal& goal, const ResolvePolicy& policy, const Target& target,
                       const InstalledGraph& graph, const Present& present, Session& session);

// The packages of a resolution that are not there yet, without their wheels.
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

// What a dry run shows.
TransactionRequest without_wheels(const InstallPlan& plan);
// Builds what is there as sources; downloads, verifies and unpacks, and compiles with `runtime` meanwhile
// (not at all where that future is not valid); drops from the plan what turns out to be there already (same
// wheel).
TransactionRequest with_wheels(const InstallPlan& plan, const Present& present, bool reinstall,
                               const std::shared_future<Runtime>& runtime, Session& session);
// The runtime inside an environment, as far as compiling needs it.
std::shared_future<Runtime> runtime_inside(const std::filesystem::path& environment,
                                           const Interpreter& interpreter);

// What a big change will take of the disk, and what it would take with shared binaries: "this takes 5.2 GB of
// the disk; `--link-mode shared-binaries` would take 200.0 MB". "" where that would save less than 1 GB, and
// where nothing is copied.
std::string disk_cost(const TransactionRequest& request, LinkMode mode);

// Settings that every change of an environment obeys.
TransactionResult apply(TransactionRequest request, const Environment& environment, Session& session);

}  // namespace moat
