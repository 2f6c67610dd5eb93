// Which files the user's lines allow by their hashes (hash-checking mode).
#pragma once

#include "resolver/files/digest.h"
#include "resolver/pep/name.h"
#include "resolver/solve/solve.h"

#include <map>
#include <vector>

namespace moat {

// By project. The hashes of one line are alternatives; those of several lines (constraints too) are
// intersected. The `#sha256=…` of a URL counts as a hash of its line. A value.
class HashRules {
 public:
  // Lines whose marker does not hold on the target say nothing.
  explicit HashRules(const ResolveRequest& request);

  // nullptr: no line gives any. Empty: several lines do, with no hash in common.
  const std::vector<Digest>* of(const PackageName& name) const;

 private:
  std::map<PackageName, std::vector<Digest>> allowed_;
};

}  // namespace moat
