// Plan → wheels in the store: downloaded, or built from sources meanwhile.
#pragma once

#include "envs/install/install_plan.h"
#include "envs/place/transaction.h"
#include "envs/python/interpreter.h"
#include "envs/python/runtime.h"
#include "fetch/download/wheels.h"
#include "fetch/sources/source_setup.h"
#include "fetch/store/tools.h"

#include <filesystem>
#include <future>
#include <vector>

namespace moat {

// Whose wheels may have a wrong RECORD.
struct BadRecords {
  bool allowed = false;                 // of any package
  std::vector<PackageName> allowed_of;  // of these
  BadRecord rule_for(const PackageName& name) const;
};

struct WheelTools {
  Tools tools;                 // with the client for the indexes of the plan
  const SourceSetup& sources;  // REQUIRES: prepared, where the plan has sources
  BadRecords bad_records;
};

// Builds packages that exist only as sources; downloads, verifies and unpacks the others, and compiles with
// `runtime` meanwhile (not at all if that future is not valid); drops packages from the plan that turn out to
// be installed already (same wheel).
TransactionRequest with_wheels(const InstallPlan& plan, const Present& present, bool reinstall,
                               const std::shared_future<Runtime>& runtime, const WheelTools& with);
// The runtime inside an environment, as far as compiling needs it.
std::shared_future<Runtime> runtime_inside(const std::filesystem::path& environment,
                                           const Interpreter& interpreter);

}  // namespace moat
