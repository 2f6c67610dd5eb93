#include "cli/session/dry_run.h"

#include "envs/place/plan.h"

namespace moat {

std::vector<Operation> dry_run(TransactionRequest request, const Environment& environment, Session& session) {
  request.link_mode = session.settings().link_mode;
  request.strict_files = session.settings().strict_files;
  return plan_dry_run(request, environment, session.store(), session.workers()).operations;
}

}  // namespace moat
