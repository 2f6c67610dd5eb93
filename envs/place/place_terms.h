// The user's terms for every change of an environment: how files come to lie there, and when they are
// compiled.
#pragma once

#include "envs/environment/environment.h"
#include "envs/journal/durable.h"
#include "envs/place/transaction.h"
#include "envs/python/compile.h"
#include "fetch/store/link.h"
#include "fetch/store/store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace moat {

// The disk space that a change takes, and would take with shared binaries.
struct DiskCost {
  std::uint64_t all = 0, unshared = 0;
};
// nullopt if sharing would save less than 1 GB, or if nothing is copied.
std::optional<DiskCost> disk_cost(const TransactionRequest& request, LinkMode mode);

struct PlaceTerms {
  LinkMode link_mode = LinkMode::Auto;
  Compile compile = Compile::Now;
  bool strict_files = false;
  Durable durable = Durable::Auto;
  std::string reason;  // the command
  // Called before a change that costs much; may be empty.
  std::function<void(const DiskCost&)> tell_cost;
};

// apply_transaction() by these terms.
TransactionResult apply(TransactionRequest request, const Environment& environment, const PlaceTerms& terms,
                        Store& store, Workers& workers, Reporter& reporter);

}  // namespace moat
