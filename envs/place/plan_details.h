// What a plan needs besides to be carried out, and a dry run need not know: files that a user edited,
// RECORDs, the environment's own pip, and when files changed.
#pragma once

#include "envs/place/plan.h"

namespace moat {

// Completes what leaves and what comes. Reads more than planning does, and refuses nothing.
void finish_plan(const PlanTerms& terms, TransactionPlan& plan);

}  // namespace moat
