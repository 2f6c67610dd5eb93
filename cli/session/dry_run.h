// The output of --dry-run, and the errors it reports.
#pragma once

#include "cli/session/install_pipeline.h"

#include <vector>

namespace moat {

// The operations; throws the errors of the change, as far as they can be found without fetching.
std::vector<Operation> dry_run(TransactionRequest request, const Environment& environment, Session& session);

}  // namespace moat
