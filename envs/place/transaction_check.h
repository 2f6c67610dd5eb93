// Checks whether a change would be refused, without making it: for --dry-run.
#pragma once

#include "envs/place/transaction.h"

namespace moat {

// Otherwise the wheel is not here yet: for callers that only ask what would happen.
bool has_wheel(const WantedPackage& package);

// Throws what apply_transaction would throw at plan time, and changes nothing. For a package without a wheel
// only checks what it replaces. Reads files without the environment's lock.
void check_transaction(const TransactionRequest& request, const Environment& environment, const Store& store,
                       Workers& workers);

}  // namespace moat
