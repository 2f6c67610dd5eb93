// A change of an environment as a value: what leaves, what comes, and what is to be told about it. Every
// refusal that can be known is made by planning, before anything is written. So a dry run is a plan, and a
// change is a plan that is then applied (transaction.cpp).
//
// The RECORDs in the environment, which other installers keep as well, decide who owns a file.
#pragma once

#include "envs/environment/pip_shim.h"
#include "envs/journal/file_plan.h"
#include "envs/place/parent_folders.h"
#include "envs/place/presence.h"
#include "envs/place/settlement.h"
#include "envs/place/staging.h"
#include "envs/place/transaction.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

// The facts that decide it.
struct PlanTerms {
  const TransactionRequest& request;
  const Environment& environment;
  const Store& store;
  Workers& workers;
  Reporter& reporter;
  const std::filesystem::path& root = environment.root();
  Scheme scheme = environment.scheme();
};

// The pip of the environment that moat brought (envs/environment/pip_shim.h).
struct OwnPip {
  std::map<std::string, PipShimFile> files;  // by path; empty where there is none
  std::set<std::string> covered;             // paths of these at which a package has a file, or gets one
};

// Its parts refer to each other: may be moved, not copied.
struct TransactionPlan {
  Presence there;                      // what the change finds
  std::vector<Operation> operations;   // by name
  Departures departures;               // what leaves
  std::vector<ArrivingFile> arrivals;  // what comes
  Settlement settled;                  // paths for which several packages have a file
  OwnPip own_pip;
  std::vector<const InstalledDistribution*> marked;  // they stay, and are requested from now on
  std::vector<std::string> warnings;
  bool single_files = false;  // folders cannot be moved here (needs_single_files)
  ParentFolders parents;      // of the environment as it is
};

// At once, and in the result of the change.
void warn(const PlanTerms& terms, TransactionPlan& plan, std::string message);

// `bytecode`: of each package to install; nullopt: not known. Packages without a wheel, which only dry runs
// have, are checked for what they replace. Reads the environment and the store, and changes neither.
TransactionPlan plan_transaction(const PlanTerms& terms,
                                 const std::vector<std::optional<StoredBytecode>>& bytecode);

// Error(Refused) for what no plan is needed to know: a release never changes, and two packages must not
// declare one import name.
void refuse_beforehand(const TransactionRequest& request, const Environment& environment);

// Throws what apply_transaction would throw before it changes anything, as far as it can be known without
// wheels and bytecode that are not here yet. Reads files without the environment's lock; warns of nothing.
TransactionPlan plan_dry_run(const TransactionRequest& request, const Environment& environment,
                             const Store& store, Workers& workers);

}  // namespace moat
