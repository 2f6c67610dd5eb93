// What a change would be refused for, without making it: what --dry-run tells.
#pragma once

#include "envs/place/transaction.h"

namespace moat {

// Else the wheel is not here yet: for those who only ask what would happen.
bool has_wheel(const WantedPackage& package);

// Throws what apply_transaction would throw at plan time, and does nothing. Of a package without a wheel only
// what it replaces is looked at. Files are read without the environment's lock.
void check_transaction(const TransactionRequest& request, const Environment& environment, const Store& store,
                       Workers& workers);

}  // namespace moat
