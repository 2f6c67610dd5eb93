// Claims ("these versions of a package require this"), and whether some of them contradict each other: solved
// as a small problem, separate from the one being explained.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/proof.h"
#include "resolver/solve/request_lines.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>
#include <vector>

namespace moat {

// These candidates of a package require this. Where several requirements were merged it is a weaker one,
// which all of theirs imply.
struct Claim {
  PackageIndex package = 0;
  VariantIndex variant = 0;
  std::set<std::size_t> indices;
  Requirement requirement;
  Ranges admitted;  // of the project required; empty: nothing meets it
};

using Claims = std::vector<Claim>;

// The projects of the claims, the user's lines, and nothing else. Keeps references to all it is given.
// dropped: lines that are left out.
class ClaimChecker {
 public:
  ClaimChecker(const Proof& proof, const RequestLines& lines, const Encoding& encoding,
               const std::vector<bool>& permitted, const std::vector<bool>& dropped,
               const std::stop_token& stop);

  // Can more be afforded? The work is bounded.
  bool has_work_left() const;

  // The claims that a refutation uses; nullopt where they do not contradict each other. Error(Interrupted).
  std::optional<Claims> used(const Claims& claims);

  // Candidates that may be chosen as far as the user's lines go, ascending.
  const std::vector<std::size_t>& domain(PackageIndex package);

 private:
  class Problem;

  const RequestLines& lines_;
  const Encoding& encoding_;
  const std::vector<bool>& permitted_;
  const std::vector<bool>& dropped_;
  const std::stop_token& stop_;
  std::set<std::pair<PackageIndex, std::size_t>> unusable_;
  std::map<PackageIndex, std::vector<std::size_t>> domains_;
  std::size_t work_ = 0;
};

}  // namespace moat
