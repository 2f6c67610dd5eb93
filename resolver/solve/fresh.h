// The candidates that a round looks at: which ones it learns the requirements of, and how these are fed into
// the encoding.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/request_lines.h"
#include "resolver/solve/solution.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace moat {

struct Fresh {
  PackageIndex package = 0;
  std::size_t index = 0;
  bool in_advance = false;  // not chosen, but next in line
};

// Chooses them for each round of one encoding.
class FreshCandidates {
 public:
  FreshCandidates(const ResolveRequest& request, const RequestLines& lines, const Encoding& encoding)
      : request_(request), lines_(lines), encoding_(encoding) {}

  // The chosen candidates that were not fed, each with those next in line below it: 1, 2, 4 … at once the
  // more often a project comes back with an unknown candidate. Source distributions wait until nothing else
  // is unknown: what wheels say may choose another release, and spare a build. `window`: of the solve.
  std::vector<Fresh> of(const Solution& solution, const std::optional<std::chrono::seconds>& window);
  bool may_need_build(PackageIndex package, std::size_t index) const;

 private:
  bool is_unknown_source(PackageIndex package, std::size_t index) const;
  bool some_unknown_without_build(const Solution& solution) const;
  void add_next_in_line(const Fresh& chosen, std::size_t at_once,
                        const std::optional<std::chrono::seconds>& window, std::vector<Fresh>& out) const;

  const ResolveRequest& request_;
  const RequestLines& lines_;
  const Encoding& encoding_;
  std::vector<std::size_t> attempts_;                       // by package: how often it came back unknown
  std::set<std::pair<PackageIndex, std::size_t>> awaited_;  // candidates whose metadata a round waited for
};

// Variants of the candidate that are asked for and not fed.
std::vector<VariantIndex> unfed(const Fresh& one, const Encoding& encoding);

// REQUIRES: its dependencies are known, and usable.
std::vector<const Requirement*> requirements_of(const Fresh& one, VariantIndex variant,
                                                const Encoding& encoding);

// Feeds what is known of it, as far as that needs no further page: a candidate that was looked at in advance
// waits until it is chosen.
void feed(const Fresh& one, Encoding& encoding);

}  // namespace moat
