#include "resolver/pep/version_set.h"

#include <algorithm>
#include <compare>

namespace moat {
namespace {

using Side = VersionBound::Side;
using Bound = std::optional<VersionBound>;

bool covers_locals(const VersionBound& bound) {
  return bound.side == Side::AfterLocals || bound.side == Side::AfterPosts;
}

// Two places compare as versions whose post number or local version is infinite where the side says so.
std::strong_ordering compare(const VersionBound& a, const VersionBound& b) {
  const bool posts_a = a.side == Side::AfterPosts;
  const bool posts_b = b.side == Side::AfterPosts;
  if (posts_a != posts_b) {
    // Within one release and pre-release, the place after all posts is above every other place; places of
    // different releases are ordered by the versions themselves.
    if (std::is_eq(a.version.compare_base(b.version)) && a.version.pre() == b.version.pre())
      return posts_a ? std::strong_ordering::greater : std::strong_ordering::less;
  }
  if (const auto order = a.version.compare_public(b.version); std::is_neq(order)) return order;
  if (covers_locals(a) != covers_locals(b))
    return covers_locals(a) ? std::strong_ordering::greater : std::strong_ordering::less;
  if (covers_locals(a)) return std::strong_ordering::equal;
  if (const auto order = a.version <=> b.version; std::is_neq(order)) return order;
  return a.side <=> b.side;
}

// Does the version lie above the place?
bool is_below(const VersionBound& bound, const Version& version) {
  switch (bound.side) {
    case Side::Before:
      return version >= bound.version;
    case Side::After:
      return version > bound.version;
    case Side::AfterLocals:
      return std::is_gt(version.compare_public(bound.version));
    case Side::AfterPosts:
      return std::is_gt(version.compare_public(bound.version)) &&
             !(std::is_eq(version.compare_base(bound.version)) && version.pre() == bound.version.pre());
  }
  return false;
}

bool lower_less(const Bound& a, const Bound& b) {
  if (!a || !b) return !a && b;
  return std::is_lt(compare(*a, *b));
}

bool upper_less(const Bound& a, const Bound& b) {
  if (!a || !b) return a && !b;
  return std::is_lt(compare(*a, *b));
}

bool is_empty_between(const Bound& lower, const Bound& upper) {
  return lower && upper && std::is_gteq(compare(*lower, *upper));
}

using Ends = std::pair<Bound, Bound>;

VersionBound before(const Version& version) { return {version, Side::Before}; }

// The interval from `lower` to `upper`, and for `!=` its complement.
Ends equal_ends(const Specifier& clause) {
  const Version& version = clause.version();
  if (clause.is_prefix())
    return {before(version.base().first_dev()), before(version.after_prefix(version.release().size()))};
  return {before(version), VersionBound{version, version.has_local() ? Side::After : Side::AfterLocals}};
}

VersionBound greater_end(const Version& version) {
  if (version.is_postrelease() || version.is_devrelease()) return before(version.successor());
  return {version, Side::AfterPosts};
}

// The clause's one interval; for `!=` the excluded one.
Ends ends_of(const Specifier& clause) {
  switch (clause.op()) {
    case Operator::Equal:
    case Operator::NotEqual:
      return equal_ends(clause);
    case Operator::Compatible:
      return {before(clause.version()),
              before(clause.version().after_prefix(clause.version().release().size() - 1))};
    case Operator::LessEqual:
      return {std::nullopt, VersionBound{clause.version(), Side::AfterLocals}};
    case Operator::GreaterEqual:
      return {before(clause.version()), std::nullopt};
    case Operator::Less:
      return {std::nullopt,
              before(clause.version().is_prerelease() ? clause.version() : clause.version().first_dev())};
    case Operator::Greater:
      return {greater_end(clause.version()), std::nullopt};
    case Operator::ArbitraryEqual:
      break;
  }
  return {};
}

}  // namespace

VersionSet VersionSet::all() {
  VersionSet set;
  set.intervals_.push_back({});
  return set;
}

VersionSet VersionSet::none() { return {}; }

std::optional<VersionSet> VersionSet::from(const SpecifierSet& specifiers) {
  std::vector<VersionSet> sets;
  for (const Specifier& clause : specifiers.clauses()) {
    if (clause.op() == Operator::ArbitraryEqual) return std::nullopt;
    VersionSet one;
    auto [lower, upper] = ends_of(clause);
    if (!is_empty_between(lower, upper)) one.intervals_.push_back({std::move(lower), std::move(upper)});
    sets.push_back(clause.op() == Operator::NotEqual ? one.complement() : std::move(one));
  }
  if (sets.empty()) return all();
  // Merges pairwise: one after the other would be quadratic in thousands of `!=`.
  for (; sets.size() > 1; sets.resize((sets.size() + 1) / 2))
    for (std::size_t i = 0; 2 * i < sets.size(); ++i)
      sets[i] = 2 * i + 1 < sets.size() ? sets[2 * i].intersect(sets[2 * i + 1]) : std::move(sets[2 * i]);
  return std::move(sets.front());
}

bool VersionSet::contains(const Version& version) const {
  const auto behind = std::partition_point(
      intervals_.begin(), intervals_.end(),
      [&](const Interval& interval) { return !interval.lower || is_below(*interval.lower, version); });
  if (behind == intervals_.begin()) return false;
  const Interval& interval = *std::prev(behind);
  return !interval.upper || !is_below(*interval.upper, version);
}

VersionSet VersionSet::intersect(const VersionSet& other) const {
  VersionSet out;
  for (std::size_t i = 0, j = 0; i < intervals_.size() && j < other.intervals_.size();) {
    const Interval& a = intervals_[i];
    const Interval& b = other.intervals_[j];
    const Bound& lower = lower_less(a.lower, b.lower) ? b.lower : a.lower;
    const bool a_ends_first = upper_less(a.upper, b.upper);
    const Bound& upper = a_ends_first ? a.upper : b.upper;
    if (!is_empty_between(lower, upper)) out.intervals_.push_back({lower, upper});
    ++(a_ends_first ? i : j);
  }
  return out;
}

VersionSet VersionSet::complement() const {
  VersionSet out;
  Bound from;
  bool open = true;  // is there room above `from`?
  for (const Interval& interval : intervals_) {
    if (interval.lower) out.intervals_.push_back({from, interval.lower});
    from = interval.upper;
    open = interval.upper.has_value();
  }
  if (open) out.intervals_.push_back({from, std::nullopt});
  return out;
}

VersionSet VersionSet::unite(const VersionSet& other) const {
  return complement().intersect(other.complement()).complement();
}

std::vector<std::pair<std::size_t, std::size_t>> VersionSet::ranges_in(
    std::span<const Version> ascending) const {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  const auto first_above = [&](const VersionBound& bound, std::size_t from) {
    const auto found =
        std::partition_point(ascending.begin() + static_cast<std::ptrdiff_t>(from), ascending.end(),
                             [&](const Version& version) { return !is_below(bound, version); });
    return static_cast<std::size_t>(found - ascending.begin());
  };
  std::size_t at = 0;
  for (const Interval& interval : intervals_) {
    const std::size_t lo = interval.lower ? first_above(*interval.lower, at) : at;
    const std::size_t hi = interval.upper ? first_above(*interval.upper, lo) : ascending.size();
    at = hi;
    if (lo == hi) continue;
    if (!ranges.empty() && ranges.back().second == lo)
      ranges.back().second = hi;
    else
      ranges.emplace_back(lo, hi);
  }
  return ranges;
}

}  // namespace moat
