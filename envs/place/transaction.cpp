// Plans the change, then applies the plan: the stage, the moves, the new manifest, the commit.
#include "envs/place/transaction.h"

#include "envs/journal/change.h"
#include "envs/journal/file_plan.h"
#include "envs/journal/history.h"
#include "envs/journal/state_files.h"
#include "envs/place/bytecode.h"
#include "envs/place/next_state.h"
#include "envs/place/plan.h"
#include "envs/place/plan_details.h"
#include "envs/place/staging.h"
#include "fetch/os/file.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace moat {

namespace {

// Of each package to install; nullopt: the store does not have it yet.
std::vector<std::optional<StoredBytecode>> bytecode_for(const TransactionRequest& request,
                                                        const Environment& environment, Store& store,
                                                        Workers& workers, Reporter& reporter) {
  std::vector<std::optional<StoredBytecode>> out(request.install.size());
  if (request.compile == Compile::Never || environment.is_foreign()) {
    out.assign(request.install.size(), StoredBytecode{});
    return out;
  }
  // The environment's own private runtime: it is there even when the store's has been pruned.
  const Runtime runtime{.tree = environment.private_folder() / "rt",
                        .interpreter = environment.interpreter()};
  std::vector<std::size_t> places;  // of those that bring none
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = request.install[i].bytecode;
    if (!out[i]) places.push_back(i);
  }
  if (request.compile == Compile::Background) {
    workers.for_each(places.size(), [&](std::size_t i) {
      out[places[i]] = find_bytecode(request.install[places[i]].wheel, runtime, store);
    });
    return out;
  }
  std::vector<StoredWheel> wheels;
  for (const std::size_t place : places) wheels.push_back(request.install[place].wheel);
  std::vector<StoredBytecode> compiled = obtain_bytecode(wheels, runtime, store, workers, reporter);
  for (std::size_t i = 0; i < compiled.size(); ++i) out[places[i]] = std::move(compiled[i]);
  return out;
}

bool changes_nothing(const TransactionPlan& plan, const TransactionRequest& request) {
  const Manifest& now = plan.there.manifest;
  return plan.operations.empty() && plan.marked.empty() &&
         next_requests(now.requests, request) == now.requests;
}

// REQUIRES: the plan is finished.
TransactionResult apply_plan(const PlanTerms& terms, TransactionPlan plan, Change& change) {
  const TransactionRequest& request = terms.request;
  const Manifest& now = plan.there.manifest;
  TransactionResult result{.state = now.state};
  if (!changes_nothing(plan, request)) {
    stage_files(plan.arrivals, change.stage(), terms.workers);

    FolderNames arriving;
    for (const ArrivingFile& file : plan.arrivals) arriving.add_file(file.path);
    std::vector<Move> moves = plan_moves(plan.departures, arriving, terms.root, plan.single_files, change);
    Manifest next = next_manifest(terms, plan);
    renew_state_files(change, terms.root, next_bytecode(plan, next), moves);
    renew_launcher(change, now, next, moves);
    const std::vector<std::string> summary = summarize(now, next);
    if (request.before_commit) request.before_commit();
    change.commit(moves, std::move(next), request.reason, summary, request.durable);
    result.state = change.state();
    result.files_placed = plan.arrivals.size();
  }
  result.operations = std::move(plan.operations);
  result.warnings = std::move(plan.warnings);
  return result;
}

}  // namespace

TransactionResult apply_transaction(const TransactionRequest& request, const Environment& environment,
                                    Store& store, Workers& workers, Reporter& reporter,
                                    const std::string& command) {
  refuse_beforehand(request, environment);
  // Before the lock: the first time it takes seconds, and it changes nothing in the environment.
  const std::vector<std::optional<StoredBytecode>> bytecode =
      bytecode_for(request, environment, store, workers, reporter);
  const Phase phase(reporter, "install");
  if (environment.is_foreign()) make_directories(environment.private_folder());
  Change change = Change::begin(environment.root(), command);
  const PlanTerms terms{request, environment, store, workers, reporter};
  TransactionPlan plan = plan_transaction(terms, bytecode);
  finish_plan(terms, plan);
  TransactionResult result = apply_plan(terms, std::move(plan), change);
  result.lacks_bytecode = std::ranges::any_of(bytecode, [](const auto& one) { return !one; });
  return result;
}

bool is_satisfied(const Manifest& manifest, const std::vector<WantedPackage>& wanted, bool exactly) {
  if (exactly && manifest.packages.size() != wanted.size()) return false;
  std::unordered_map<std::string_view, const ManifestPackage*> present;
  for (const ManifestPackage& package : manifest.packages) present.emplace(package.name, &package);
  return std::all_of(wanted.begin(), wanted.end(), [&](const WantedPackage& package) {
    const auto found = present.find(package.name.normalized());
    return found != present.end() && found->second->version == package.version.to_string() &&
           found->second->wheel_sha256 == package.wheel.digest.hex &&
           (found->second->requested || !package.requested);
  });
}

}  // namespace moat
