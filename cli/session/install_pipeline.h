// The steps of an installation (envs/install) by the user's settings: resolve, obtain, apply. Behind create,
// install, lock and sync.
#pragma once

#include "cli/session/conflict.h"
#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "envs/install/install_plan.h"
#include "envs/install/installed_graph.h"
#include "envs/install/locked_resolution.h"
#include "envs/install/obtain_plan.h"
#include "envs/install/present.h"
#include "envs/install/resolve_goal.h"
#include "envs/place/place_terms.h"
#include "envs/place/transaction.h"
#include "envs/python/runtime.h"
#include "resolver/solve/resolution.h"

#include <filesystem>
#include <future>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moat {

// REQUIRES: sources are prepared, if they are to be candidates.
ResolveTools resolve_tools(const Goal& goal, Session& session);

// The answer. Throws ExplainedError if there is none.
template <class Answer>
Answer answer_of(std::variant<Answer, Unmet, UnpinnedLines> outcome, OffersFix offers = OffersFix::No) {
  if (const auto* unmet = std::get_if<Unmet>(&outcome)) throw conflict_error(*unmet, offers);
  if (const auto* unpinned = std::get_if<UnpinnedLines>(&outcome)) throw unpinned_error(*unpinned);
  return std::get<Answer>(std::move(outcome));
}

// The versions that meet the goal. Throws ExplainedError(NoSolution, NotFound or HashMismatch) if there are
// none.
Resolution resolve_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                        const std::map<PackageName, Version>& preferences, Session& session);

// The same beside what is installed. Error(Usage) if policy.fix names a fix and there is nothing to fix.
Resolution resolve_for(Goal& goal, const ResolvePolicy& policy, const Target& target,
                       const InstalledGraph& graph, const Present& present, Session& session,
                       OffersFix offers = OffersFix::No);

// The packages of a lock, as if they had just been resolved. REQUIRES: sources are prepared.
Resolution locked_resolution(const std::vector<SelectedPackage>& selected,
                             const std::filesystem::path& lock_directory, Session& session);

// The wheels of a plan for this goal, in the store; compiled with `runtime` meanwhile, where bytecode is made
// at once.
TransactionRequest with_wheels(const InstallPlan& plan, const Present& present, bool reinstall,
                               const std::shared_future<Runtime>& runtime, const Goal& goal,
                               Session& session);

// By the user's settings.
WheelTools wheel_tools(const Goal& goal, Session& session);
PlaceTerms place_terms(const Session& session);

// "this takes 5.2 GB of the disk; `--link-mode shared-binaries` would take 200.0 MB"
std::string cost_text(const DiskCost& cost);

// A change of an environment by place_terms().
TransactionResult apply(TransactionRequest request, const Environment& environment, Session& session);

}  // namespace moat
