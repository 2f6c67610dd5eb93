#include "cli/session/dry_run.h"

#include "envs/place/plan.h"

#include <utility>

namespace moat {

TransactionRequest with_stored_wheels(const InstallPlan& plan, const Store& store) {
  TransactionRequest request = without_wheels(plan);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const ReleaseFile& file = plan.steps[i].package->file;
    if (!file.wheel) continue;
    for (const Digest& digest : file.artifact.digests)
      if (std::optional<StoredWheel> wheel =
              digest.algorithm == "sha256" ? store.find_wheel(digest) : std::nullopt)
        request.install[i].wheel = *std::move(wheel);
  }
  return request;
}

std::vector<Operation> dry_run(TransactionRequest request, const Environment& environment,
                               const InstalledDistributions& /*installed*/, Session& session) {
  request.link_mode = session.settings().link_mode;
  request.strict_files = session.settings().strict_files;
  return plan_dry_run(request, environment, session.store(), session.workers()).operations;
}

}  // namespace moat
