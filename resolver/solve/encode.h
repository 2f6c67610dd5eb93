// Candidates and requirements as solvables: the ladder encoding.
//
// Each package with candidates v[0] < v[1] < … gets one pseudo solvable for each "at least k", the rungs
// L[k]:
//
//   v[k] requires L[k]       L[k] requires L[k-1]       v[k-1] excludes L[k]       L[k] requires v[k] or
//   L[k+1]
//
// so that at most one candidate stands, and one more, `any`, which requires one of all candidates. A
// requirement on the candidates [lo, hi) is then: requires any, requires L[lo], excludes L[hi]. Clauses of
// two literals, whatever the number of versions; what the solver learns from a conflict speaks of bounds, not
// of single versions. Holes (`!=`) exclude the candidates in them.
//
// An extra x of a package is a variant: one solvable a[x] for each candidate, requiring that very candidate
// and what the extra adds. Which of several candidates is taken is a rank of its own, apart from the version
// order.
//
// A candidate is optimistic, without requirements, until it is fed. So a refutation holds whatever is fed
// later, and a solution is final when all that was chosen in it had been fed.
#pragma once

#include "resolver/solv/pool.h"
#include "resolver/solve/project_view.h"

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moat {

using PackageIndex = std::size_t;  // in order of discovery
using VariantIndex = std::size_t;  // 0: the package itself; others: its extras in order of discovery

class Encoding {
 public:
  // What a solvable stands for.
  struct Meaning {
    enum class Kind { Other, Candidate, Any, Rung, Permit };
    Kind kind = Kind::Other;
    PackageIndex package = 0;
    VariantIndex variant = 0;  // of a candidate, or of an any
    std::size_t index = 0;     // of a candidate, or of a rung
  };

  // pinned: the URLs that projects come from, by name; a requirement with another URL cannot be met.
  explicit Encoding(const std::map<PackageName, std::string>& pinned);

  solv::Pool& pool() { return pool_; }
  const solv::Pool& pool() const { return pool_; }

  // All candidates of a project, optimistic. REQUIRES: not there yet; the view outlives the encoding.
  PackageIndex add(ProjectView& view);
  std::optional<PackageIndex> find(const PackageName& name) const;
  std::size_t size() const { return packages_.size(); }
  ProjectView& view(PackageIndex package) { return *packages_[package].view; }
  const ProjectView& view(PackageIndex package) const { return *packages_[package].view; }

  VariantIndex variant(PackageIndex package, const ExtraName& extra);  // made on first use
  std::optional<VariantIndex> find_variant(PackageIndex package, const ExtraName& extra) const;
  std::size_t variants(PackageIndex package) const { return packages_[package].variants.size(); }
  const std::optional<ExtraName>& extra(PackageIndex package, VariantIndex variant) const {
    return packages_[package].variants[variant].extra;
  }

  solv::SolvableId candidate(PackageIndex package, VariantIndex variant, std::size_t index) const {
    return packages_[package].variants[variant].first + static_cast<solv::SolvableId>(index);
  }
  Meaning meaning(solv::SolvableId solvable) const;
  // The subject of a requirement or exclusion in a refutation.
  Meaning meaning(solv::Dep dep) const { return meaning(pool_.solvable_of(dep)); }

  bool is_fed(PackageIndex package, VariantIndex variant, std::size_t index) const {
    return packages_[package].variants[variant].fed[index];
  }
  // Feeds the requirements of a candidate's variant. REQUIRES: all their projects are there; not fed yet.
  void feed(PackageIndex package, VariantIndex variant, std::size_t index,
            const std::vector<const Requirement*>& requirements);
  // The candidate can never be chosen; counts as fed.
  void forbid(PackageIndex package, VariantIndex variant, std::size_t index);

  // Reserve candidates need this solvable, which a goal may forbid; 0 where there are none.
  solv::SolvableId permit(PackageIndex package) const { return packages_[package].permit; }

  // Where the project comes from, if a URL settles that.
  std::optional<std::string> pinned_url(const PackageName& name) const {
    const auto pinned = pinned_.find(name);
    return pinned == pinned_.end() ? std::nullopt : std::optional(pinned->second);
  }
  // Can any candidate meet the requirement, by itself?
  bool is_possible(const Requirement& requirement) const;

 private:
  struct Variant {
    std::optional<ExtraName> extra;
    solv::SolvableId first = 0;
    solv::SolvableId any = 0;
    std::vector<bool> fed;
  };
  struct Package {
    ProjectView* view = nullptr;
    solv::SolvableId rungs = 0;  // L[1]
    solv::SolvableId permit = 0;
    std::deque<Variant> variants;  // references stay valid
    std::map<ExtraName, VariantIndex> by_extra;
    std::map<std::pair<std::size_t, std::size_t>, solv::Dep> holes;
  };

  solv::Dep rung(const Package& package, std::size_t index);
  void add_rungs(PackageIndex index);
  void add_variant(PackageIndex index, std::optional<ExtraName> extra);
  void require(solv::SolvableId from, PackageIndex own, std::size_t own_index,
               const Requirement& requirement);
  void require_ranges(solv::SolvableId from, Package& on, const Ranges& ranges);
  bool url_fits(const Requirement& requirement) const;
  void mean(solv::SolvableId solvable, Meaning meaning);

  const std::map<PackageName, std::string>& pinned_;
  solv::Pool pool_;
  solv::NameId rung_name_, any_name_, permit_name_;
  std::deque<Package> packages_;
  std::map<PackageName, PackageIndex> by_name_;
  std::vector<Meaning> meanings_;  // by solvable
};

}  // namespace moat
