// What the environment knows of itself after a change.
#pragma once

#include "envs/journal/bytecode_list.h"
#include "envs/journal/manifest.h"
#include "envs/place/plan.h"

#include <vector>

namespace moat {

// Without the requests of removed packages, and those that this change replaces.
std::vector<ManifestRequest> next_requests(const std::vector<ManifestRequest>& before,
                                           const TransactionRequest& request);

// REQUIRES: the plan is finished. Packages that another installer put here are taken in: their files are
// read.
Manifest next_manifest(const PlanTerms& terms, const TransactionPlan& plan);

// The remaining bytecode, and the new one. `next`: the manifest.
std::vector<BytecodeEntry> next_bytecode(const TransactionPlan& plan, const Manifest& next);

}  // namespace moat
