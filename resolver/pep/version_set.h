// The meaning of a SpecifierSet as a union of intervals of the version order: the input of the encoder.
#pragma once

#include "resolver/pep/specifier.h"
#include "resolver/pep/version.h"

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace moat {

// A place between versions in PEP 440's order. `>1.0` ends below neither 1.0 nor 1.0+x but above all of
// 1.0.postN[+local], so a bound is a version and on which side of its relatives it lies.
struct VersionBound {
  enum class Side {
    Before,       // just below the version and everything of its kind (its .devN, where that is meant)
    After,        // just above the version itself, below its locals
    AfterLocals,  // above version+anything, below its post-releases
    AfterPosts,   // above all version.postN and their locals
  };
  Version version;
  Side side = Side::Before;
};

// Sorted, disjoint intervals. contains(v) == set.contains(v) for every set without `===` clauses; those
// compare text, so `from` gives nullopt for them and callers ask the SpecifierSet one version at a time.
// intersect and unite are linear; contains is logarithmic.
class VersionSet {
 public:
  static VersionSet all();
  static VersionSet none();
  static std::optional<VersionSet> from(const SpecifierSet& specifiers);

  bool contains(const Version& version) const;
  bool is_empty() const { return intervals_.empty(); }
  VersionSet intersect(const VersionSet& other) const;
  VersionSet unite(const VersionSet& other) const;
  VersionSet complement() const;

  // Half-open index ranges [lo, hi) of `ascending` (sorted, oldest first) that the set contains; merged, in
  // order.
  std::vector<std::pair<std::size_t, std::size_t>> ranges_in(std::span<const Version> ascending) const;

 private:
  struct Interval {
    std::optional<VersionBound> lower;  // nullopt: from the beginning
    std::optional<VersionBound> upper;  // nullopt: without end
  };
  std::vector<Interval> intervals_;
};

}  // namespace moat
