// Markers as sets of environments. All environments in question are cut into cells, so that every marker in
// play has one value throughout a cell. Combining markers is then exact: `and` is the intersection of two
// sets, `or` the union, implication the subset.
#pragma once

#include "resolver/pep/marker.h"
#include "resolver/pep/specifier.h"
#include "resolver/pep/version.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace moat {

// A set of cells of one partition. Sets of different partitions must not meet.
class CellSet {
 public:
  CellSet() = default;
  static CellSet none(std::size_t size);
  static CellSet all(std::size_t size);

  void insert(std::size_t cell) { words_[cell / 64] |= std::uint64_t{1} << (cell % 64); }
  bool contains(std::size_t cell) const { return (words_[cell / 64] >> (cell % 64) & 1) != 0; }
  bool empty() const;
  std::size_t count() const;
  std::optional<std::size_t> first() const;
  bool is_subset_of(const CellSet& other) const;
  bool meets(const CellSet& other) const;

  CellSet& operator|=(const CellSet& other);
  CellSet& operator&=(const CellSet& other);
  CellSet& operator-=(const CellSet& other);
  CellSet complement() const;
  friend CellSet operator|(CellSet a, const CellSet& b) { return a |= b; }
  friend CellSet operator&(CellSet a, const CellSet& b) { return a &= b; }
  friend CellSet operator-(CellSet a, const CellSet& b) { return a -= b; }
  friend bool operator==(const CellSet&, const CellSet&) = default;

 private:
  std::size_t size_ = 0;
  std::vector<std::uint64_t> words_;  // bits beyond size_ are 0
};

// A minor release of Python: {3, 11}.
struct PythonMinor {
  unsigned major = 3, minor = 0;
  std::string to_string() const;
  friend auto operator<=>(const PythonMinor&, const PythonMinor&) = default;
};

// The environments that are in question.
struct EnvironmentSpace {
  // One platform and minor release of Python each; all of its final releases are in question. An empty
  // platform_release or platform_version is unknown.
  std::vector<MarkerEnvironment> named;
  std::set<std::size_t> left_out;  // places in `named` that are not in question after all
  // Beside these, every platform and implementation with each of these Pythons.
  std::vector<PythonMinor> everywhere;
  SpecifierSet requires_python;  // other Pythons are not in question
};

// Everything that the markers in play can distinguish.
class MarkerAtoms {
 public:
  // Returns true if this distinguishes more than what was added before.
  bool add(const Marker& marker);
  bool add(const SpecifierSet& requires_python);

  // The values that a variable is compared with; empty if no marker uses it.
  const std::set<std::string>& of(const std::string& variable) const;

 private:
  std::map<std::string, std::set<std::string>> literals_;
};

class MarkerCells {
 public:
  struct Cell {
    MarkerEnvironment environment;
    Version python;                    // X.Y.Z, the first release of the cell
    std::optional<std::size_t> named;  // which of the space's; nullopt: of `everywhere`
  };

  MarkerCells(const EnvironmentSpace& space, const MarkerAtoms& atoms);

  // Newest Pythons first, then in the order of the space.
  const std::vector<Cell>& cells() const { return cells_; }
  std::size_t size() const { return cells_.size(); }
  CellSet none() const { return CellSet::none(size()); }
  CellSet all() const { return CellSet::all(size()); }

  // REQUIRES: the marker is one of those in play.
  const CellSet& where(const Marker& marker) const;
  const CellSet& where(const Marker& marker, const std::set<ExtraName>& extras) const;
  const CellSet& admitted_by(const SpecifierSet& requires_python) const;

  // A short marker that holds in exactly these cells, with any value outside the space; nullopt: it holds in
  // all. REQUIRES: `set` is not empty.
  std::optional<Marker> marker_of(const CellSet& set) const { return marker_of(set, all()); }
  // The same where only the cells of `among` are in question.
  std::optional<Marker> marker_of(const CellSet& set, const CellSet& among) const;

 private:
  // A comparison that a marker may be put together from.
  struct Term {
    std::string text;
    CellSet holds;
    double cost = 1;
    std::optional<std::size_t> negation;  // the place of the term that says the opposite
  };
  using Product = std::vector<std::size_t>;  // places of terms; all hold, or one of them
  struct Cover {
    std::vector<Product> products;
    double cost = 0;
  };

  // The values of a variable, numbered.
  struct ValueNumbers {
    std::vector<std::size_t> of_cell;
    std::size_t count = 0;
  };

  CellSet evaluated(const Marker& marker, const std::set<ExtraName>& extras) const;
  const ValueNumbers* numbers_of(const std::string& variable) const;
  void add_cells(const MarkerEnvironment& base, const PythonMinor& minor, const std::vector<Version>& pythons,
                 std::optional<std::size_t> named);
  // All but the `named` ones.
  void add_everywhere(const PythonMinor& minor, const std::vector<Version>& pythons,
                      const std::vector<MarkerEnvironment>& named);
  void sort_cells();
  void add_terms() const;
  bool space_is_cpython() const;
  void add_pair(const std::string& positive, const std::string& negative, double cost) const;
  std::optional<Cover> cover(const CellSet& on, const CellSet& off) const;
  std::optional<Product> product_for(std::size_t seed, const CellSet& on, const CellSet& off) const;

  std::vector<Cell> cells_;
  MarkerAtoms atoms_;
  mutable std::vector<Term> terms_;  // made when the first marker is
  mutable std::unordered_map<std::string, CellSet> known_;
  mutable std::map<std::string, ValueNumbers> numbers_;
};

}  // namespace moat
