// What --dry-run shows, and what it refuses.
#pragma once

#include "cli/session/install_pipeline.h"

#include <vector>

namespace moat {

// Nothing is fetched or built: wheels are those that the store has.
TransactionRequest with_stored_wheels(const InstallPlan& plan, const Store& store);

// The operations; throws what the change would be refused for, as far as that can be told without fetching.
std::vector<Operation> dry_run(TransactionRequest request, const Environment& environment,
                               const InstalledDistributions& installed, Session& session);

}  // namespace moat
