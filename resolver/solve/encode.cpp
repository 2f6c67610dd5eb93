#include "resolver/solve/encode.h"

#include "resolver/files/source_url.h"

#include <cassert>
#include <numeric>

namespace moat {

Encoding::Encoding(const std::map<PackageName, std::string>& pinned)
    : pinned_(pinned),
      rung_name_(pool_.name("[rung]")),
      any_name_(pool_.name("[any]")),
      permit_name_(pool_.name("[permit]")) {}

void Encoding::mean(solv::SolvableId solvable, Meaning meaning) {
  const auto index = static_cast<std::size_t>(solvable);
  if (meanings_.size() <= index) meanings_.resize(index + 1);
  meanings_[index] = meaning;
}

Encoding::Meaning Encoding::meaning(solv::SolvableId solvable) const {
  const auto index = static_cast<std::size_t>(solvable);
  return index < meanings_.size() ? meanings_[index] : Meaning{};
}

PackageIndex Encoding::add(ProjectView& view) {
  const PackageIndex index = packages_.size();
  const bool is_new = by_name_.emplace(view.name(), index).second;
  assert(is_new);
  static_cast<void>(is_new);
  Package& package = packages_.emplace_back();
  package.view = &view;
  add_variant(index, std::nullopt);
  add_rungs(index);
  if (view.has_reserve()) {
    package.permit = pool_.add(1);
    pool_.describe(package.permit, permit_name_, 0);
    mean(package.permit, {.kind = Meaning::Kind::Permit, .package = index});
    for (std::size_t k = 0; k < view.size(); ++k)
      if (view.is_reserve(k)) pool_.add_requirement(candidate(index, 0, k), pool_.only(package.permit));
  }
  return index;
}

void Encoding::add_variant(PackageIndex index, std::optional<ExtraName> extra) {
  Package& package = packages_[index];
  const ProjectView& view = *package.view;
  const VariantIndex number = package.variants.size();
  Variant& variant = package.variants.emplace_back();
  const solv::NameId name = pool_.name(extra ? view.name().normalized() + "[" + extra->normalized() + "]"
                                             : view.name().normalized());
  if (extra) package.by_extra.emplace(*extra, number);
  variant.extra = std::move(extra);
  variant.fed.resize(view.size());
  std::vector<solv::SolvableId> all;
  if (view.size() > 0) {
    variant.first = pool_.add(static_cast<int>(view.size()));
    all.resize(view.size());
    std::iota(all.begin(), all.end(), variant.first);
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    pool_.describe(all[k], name, static_cast<int>(view.size() - 1 - view.place(k)));
    mean(all[k], {Meaning::Kind::Candidate, index, number, k});
    if (number > 0) pool_.add_requirement(all[k], pool_.only(candidate(index, 0, k)));
  }
  variant.any = pool_.add_before();
  pool_.describe(variant.any, any_name_, 0);
  mean(variant.any, {Meaning::Kind::Any, index, number, 0});
  pool_.add_requirement(variant.any, pool_.one_of(all));
}

solv::Dep Encoding::rung(const Package& package, std::size_t index) {
  return pool_.only(package.rungs + static_cast<solv::SolvableId>(index) - 1);
}

void Encoding::add_rungs(PackageIndex index) {
  Package& package = packages_[index];
  const std::size_t count = package.view->size();
  if (count < 2) return;
  package.rungs = pool_.add(static_cast<int>(count - 1));
  for (std::size_t k = 1; k < count; ++k) {
    const solv::SolvableId here = package.rungs + static_cast<solv::SolvableId>(k) - 1;
    pool_.describe(here, rung_name_, 0);
    mean(here, {Meaning::Kind::Rung, index, 0, k});
  }
  for (std::size_t k = 1; k < count; ++k) {
    const solv::SolvableId here = package.rungs + static_cast<solv::SolvableId>(k) - 1;
    if (k > 1) pool_.add_requirement(here, rung(package, k - 1));
    const solv::SolvableId this_or_above[] = {candidate(index, 0, k), here + 1};
    pool_.add_requirement(here, pool_.one_of(std::span(this_or_above, k + 1 < count ? 2 : 1)));
    pool_.add_requirement(candidate(index, 0, k), rung(package, k));
    pool_.add_conflict(candidate(index, 0, k - 1), rung(package, k));
  }
}

std::optional<PackageIndex> Encoding::find(const PackageName& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

std::optional<VariantIndex> Encoding::find_variant(PackageIndex package, const ExtraName& extra) const {
  const auto found = packages_[package].by_extra.find(extra);
  return found == packages_[package].by_extra.end() ? std::nullopt : std::optional(found->second);
}

VariantIndex Encoding::variant(PackageIndex package, const ExtraName& extra) {
  if (const auto found = find_variant(package, extra)) return *found;
  add_variant(package, extra);
  return packages_[package].variants.size() - 1;
}

void Encoding::feed(PackageIndex package, VariantIndex variant, std::size_t index,
                    const std::vector<const Requirement*>& requirements) {
  assert(!is_fed(package, variant, index));
  packages_[package].variants[variant].fed[index] = true;
  for (const Requirement* requirement : requirements)
    require(candidate(package, variant, index), package, index, *requirement);
}

void Encoding::forbid(PackageIndex package, VariantIndex variant, std::size_t index) {
  packages_[package].variants[variant].fed[index] = true;
  pool_.add_requirement(candidate(package, variant, index), pool_.never());
}

bool Encoding::url_fits(const Requirement& requirement) const {
  if (!requirement.url) return true;
  const auto pinned = pinned_.find(requirement.name);
  return pinned != pinned_.end() && same_reference(pinned->second, *requirement.url);
}

bool Encoding::is_possible(const Requirement& requirement) const {
  const auto on = find(requirement.name);
  return on && url_fits(requirement) && !view(*on).admitted(requirement.specifier).empty();
}

void Encoding::require(solv::SolvableId from, PackageIndex own, std::size_t own_index,
                       const Requirement& requirement) {
  const auto on = find(requirement.name);
  assert(on);
  const Ranges& ranges = view(*on).admitted(requirement.specifier);
  if (!url_fits(requirement) || ranges.empty() || (*on == own && !contains(ranges, own_index))) {
    pool_.add_requirement(from, pool_.never());
    return;
  }
  if (*on == own) {  // `all = ["a[x,y]"]`: of the same version
    for (const ExtraName& extra : requirement.extras)
      pool_.add_requirement(from, pool_.only(candidate(own, variant(own, extra), own_index)));
    return;
  }
  if (requirement.extras.empty()) pool_.add_requirement(from, pool_.only(packages_[*on].variants[0].any));
  for (const ExtraName& extra : requirement.extras)
    pool_.add_requirement(from, pool_.only(packages_[*on].variants[variant(*on, extra)].any));
  require_ranges(from, packages_[*on], ranges);
}

void Encoding::require_ranges(solv::SolvableId from, Package& on, const Ranges& ranges) {
  const std::size_t lowest = ranges.front().first, end = ranges.back().second;
  if (lowest > 0) pool_.add_requirement(from, rung(on, lowest));
  if (end < on.view->size()) pool_.add_conflict(from, rung(on, end));
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    const std::pair<std::size_t, std::size_t> hole{ranges[i - 1].second, ranges[i].first};
    const auto [entry, is_new] = on.holes.try_emplace(hole);
    if (is_new) {
      std::vector<solv::SolvableId> inside(hole.second - hole.first);
      std::iota(inside.begin(), inside.end(),
                on.variants[0].first + static_cast<solv::SolvableId>(hole.first));
      entry->second = pool_.one_of(inside);
    }
    pool_.add_conflict(from, entry->second);
  }
}

}  // namespace moat
