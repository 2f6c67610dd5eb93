#include "resolver/solve/fresh.h"

#include <algorithm>

namespace moat {
namespace {

constexpr std::size_t kMostDoublings = 7;  // 128 metadata files at once of one project, walking down it

}  // namespace

std::vector<Fresh> FreshCandidates::of(const Solution& solution,
                                       const std::optional<std::chrono::seconds>& window) {
  std::vector<Fresh> fresh;
  attempts_.resize(encoding_.size());
  const bool cheap_ones_only = some_unknown_without_build(solution);
  for (PackageIndex package = 0; package < solution.choices.size(); ++package) {
    const auto& choice = solution.choices[package];
    if (!choice || choice->complete) continue;
    if (cheap_ones_only && is_unknown_source(package, choice->index)) continue;
    const Fresh chosen{package, choice->index, false};
    fresh.push_back(chosen);
    // Counts only what a round waited for; that it is already here may be the Prefetcher's luck.
    if (awaited_.contains({package, choice->index})) continue;
    add_next_in_line(chosen, std::size_t{1} << std::min(attempts_[package]++, kMostDoublings), window, fresh);
  }
  for (const Fresh& one : fresh) awaited_.emplace(one.package, one.index);
  return fresh;
}

// If nothing is built, sources are as quick to ask as wheels.
bool FreshCandidates::may_need_build(PackageIndex package, std::size_t index) const {
  return !request_.pass_over_unbuilt && encoding_.view(package).candidate(index).traits().may_need_build();
}

bool FreshCandidates::is_unknown_source(PackageIndex package, std::size_t index) const {
  return may_need_build(package, index) && encoding_.view(package).dependencies(index) == nullptr;
}

bool FreshCandidates::some_unknown_without_build(const Solution& solution) const {
  for (PackageIndex package = 0; package < solution.choices.size(); ++package)
    if (const auto& choice = solution.choices[package];
        choice && !choice->complete && !is_unknown_source(package, choice->index))
      return true;
  return false;
}

void FreshCandidates::add_next_in_line(const Fresh& chosen, std::size_t at_once,
                                       const std::optional<std::chrono::seconds>& window,
                                       std::vector<Fresh>& out) const {
  const ProjectView& view = encoding_.view(chosen.package);
  const std::vector<bool> allowed = lines_.allowed_inside(view, window);
  const std::size_t first = view.place(chosen.index);
  for (std::size_t place = first + 1; place < std::min(first + at_once, view.size()); ++place) {
    const std::size_t index = view.by_preference()[place];
    if (allowed[index] && !encoding_.is_fed(chosen.package, 0, index) &&
        !may_need_build(chosen.package, index))
      out.push_back({chosen.package, index, true});
  }
}

std::vector<VariantIndex> unfed(const Fresh& one, const Encoding& encoding) {
  std::vector<VariantIndex> out;
  for (VariantIndex variant = 0; variant < encoding.variants(one.package); ++variant)
    if (!encoding.is_fed(one.package, variant, one.index)) out.push_back(variant);
  return out;
}

std::vector<const Requirement*> requirements_of(const Fresh& one, VariantIndex variant,
                                                const Encoding& encoding) {
  const Dependencies* dependencies = encoding.view(one.package).dependencies(one.index);
  const auto& extra = encoding.extra(one.package, variant);
  return extra ? dependencies->of_extra(*extra) : dependencies->of_base();
}

void feed(const Fresh& one, Encoding& encoding) {
  const Dependencies* dependencies = encoding.view(one.package).dependencies(one.index);
  if (dependencies == nullptr) return;
  // An extra that is fed may ask for another one of the same release, which is then one more variant.
  for (VariantIndex variant = 0; variant < encoding.variants(one.package); ++variant) {
    if (encoding.is_fed(one.package, variant, one.index)) continue;
    if (dependencies->unusable()) {
      encoding.forbid(one.package, variant, one.index);
      continue;
    }
    const std::vector<const Requirement*> needs = requirements_of(one, variant, encoding);
    const bool all_there = std::all_of(needs.begin(), needs.end(), [&](const Requirement* requirement) {
      return encoding.find(requirement->name).has_value();
    });
    if (all_there) encoding.feed(one.package, variant, one.index, needs);
  }
}

}  // namespace moat
