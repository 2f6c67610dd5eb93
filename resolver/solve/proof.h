// The basis of a refutation, in terms of releases and their requirements.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/request_lines.h"

#include <cstddef>
#include <set>
#include <vector>

namespace moat {

struct Proof {
  struct Need {
    PackageIndex package = 0;
    VariantIndex variant = 0;
    std::size_t index = 0;  // of the candidate
    const Requirement* requirement = nullptr;
  };
  struct Unusable {
    PackageIndex package = 0;
    std::size_t index = 0;
  };

  std::vector<Need> needs;         // each once, by package, variant and index
  std::vector<Unusable> unusable;  // candidates that their own metadata rules out
  std::set<PackageIndex> asked;    // projects whose lines take part
};

Proof read_proof(const std::vector<solv::Reason>& refutation, const Encoding& encoding,
                 const RequestGoal& goal);

}  // namespace moat
