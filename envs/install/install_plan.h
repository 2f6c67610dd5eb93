// What of a resolution has to be installed, given what is there.
#pragma once

#include "envs/install/goal.h"
#include "envs/install/present.h"
#include "envs/place/transaction.h"
#include "fetch/store/store.h"
#include "resolver/solve/resolution.h"

#include <set>
#include <vector>

namespace moat {

// The packages of a resolution that are not installed yet, without their wheels.
struct Step {
  const ResolvedPackage* package = nullptr;
  bool requested = false;
  std::vector<Digest> hashes;  // that the user's lines allow
  bool editable = false;
};
struct InstallPlan {
  std::vector<Step> steps;
  std::set<PackageName> mark_requested;
};
InstallPlan plan_install(const Goal& goal, const Resolution& resolution, const Present& present,
                         bool reinstall);

// For a dry run: nothing is fetched or built. The second has the wheels that are in the store.
TransactionRequest without_wheels(const InstallPlan& plan);
TransactionRequest with_stored_wheels(const InstallPlan& plan, const Store& store);

}  // namespace moat
