#include "resolver/solve/claims.h"

#include "resolver/solv/solver.h"

#include <tuple>

namespace moat {
namespace {

// One solve of the small problem takes about a microsecond for each candidate of a claim; this many are
// allowed in all.
constexpr std::size_t kMostWork = 3'000'000;

}  // namespace

class ClaimChecker::Problem {
 public:
  Problem(ClaimChecker& checker, const Claims& claims)
      : checker_(checker), claims_(claims), name_(pool_.name("[candidate]")) {
    for (std::size_t claim = 0; claim < claims.size(); ++claim) add(claim);
    ask();
  }

  std::optional<Claims> used() {
    solv::Solver solver(pool_);
    if (solver.solve(goal_)) return std::nullopt;
    std::set<std::size_t> used;
    for (const solv::Reason& reason : solver.refutation())
      if (const auto by = by_reason_.find({reason.from, reason.dep.id});
          by != by_reason_.end() && reason.kind != solv::Reason::Kind::Goal)
        used.insert(by->second);
    Claims out;
    for (const std::size_t claim : used) out.push_back(claims_[claim]);
    return out;
  }

 private:
  using Variant = std::map<std::size_t, solv::SolvableId>;  // by candidate

  // At most one candidate of a project: a ladder, as in the encoding.
  const Variant& base(PackageIndex package) {
    const auto [entry, is_new] = variants_.try_emplace({package, 0});
    if (!is_new) return entry->second;
    const std::vector<std::size_t>& domain = checker_.domain(package);
    checker_.work_ += domain.size();
    solv::SolvableId below = 0, rung = 0;
    for (const std::size_t index : domain) {
      const solv::SolvableId here = add_solvable();
      entry->second.emplace(index, here);
      if (below != 0) {
        const solv::SolvableId next = add_solvable();
        if (rung != 0) pool_.add_requirement(next, pool_.only(rung));
        pool_.add_requirement(here, pool_.only(next));
        pool_.add_conflict(below, pool_.only(next));
        rung = next;
      }
      below = here;
    }
    return entry->second;
  }

  const Variant& variant(PackageIndex package, VariantIndex number) {
    if (number == 0) return base(package);
    const Variant& of = base(package);
    const auto [entry, is_new] = variants_.try_emplace({package, number});
    if (!is_new) return entry->second;
    for (const auto& [index, candidate] : of) {
      const solv::SolvableId here = add_solvable();
      entry->second.emplace(index, here);
      pool_.add_requirement(here, pool_.only(candidate));
    }
    return entry->second;
  }

  solv::SolvableId add_solvable() {
    const solv::SolvableId solvable = pool_.add(1);
    pool_.describe(solvable, name_, 0);
    return solvable;
  }

  void add(std::size_t number) {
    const Claim& claim = claims_[number];
    const Variant& from = variant(claim.package, claim.variant);
    checker_.work_ += claim.indices.size();
    const PackageIndex on = *checker_.encoding_.find(claim.requirement.name);
    std::vector<solv::Dep> deps;
    if (on != claim.package || claim.admitted.empty())
      for (const VariantIndex needed : variants_of(on, claim.requirement))
        deps.push_back(dep(on, needed, claim.admitted));
    for (const std::size_t index : claim.indices) {
      const auto candidate = from.find(index);
      if (candidate == from.end()) continue;
      if (on == claim.package && !claim.admitted.empty()) {
        add_own(number, claim, index, candidate->second);
        continue;
      }
      for (const solv::Dep dep : deps) require(number, candidate->second, dep);
    }
  }

  // Of itself: the same version, with extras.
  void add_own(std::size_t number, const Claim& claim, std::size_t index, solv::SolvableId candidate) {
    if (!contains(claim.admitted, index)) return require(number, candidate, pool_.never());
    for (const VariantIndex needed : variants_of(claim.package, claim.requirement))
      if (needed != 0) require(number, candidate, pool_.only(variant(claim.package, needed).at(index)));
  }

  void require(std::size_t number, solv::SolvableId candidate, solv::Dep dep) {
    pool_.add_requirement(candidate, dep);
    by_reason_.try_emplace({candidate, dep.id}, number);
  }

  solv::Dep dep(PackageIndex on, VariantIndex number, const Ranges& admitted) {
    const auto [entry, is_new] = deps_.try_emplace({on, number, admitted});
    if (!is_new) return entry->second;
    std::vector<solv::SolvableId> inside;
    for (const auto& [index, candidate] : variant(on, number))
      if (contains(admitted, index)) inside.push_back(candidate);
    return entry->second = inside.empty() ? pool_.never() : pool_.one_of(inside);
  }

  std::vector<VariantIndex> variants_of(PackageIndex package, const Requirement& requirement) const {
    std::vector<VariantIndex> out;
    for (const ExtraName& extra : requirement.extras)
      if (const auto found = checker_.encoding_.find_variant(package, extra)) out.push_back(*found);
    if (out.empty()) out.push_back(0);
    return out;
  }

  void ask() {
    std::set<std::pair<PackageIndex, VariantIndex>> asked;
    const std::vector<RequestLine>& lines = checker_.lines_.lines();
    for (LineIndex line = 0; line < lines.size(); ++line) {
      if (checker_.dropped_[line] || lines[line].is_constraint) continue;
      const Requirement& requirement = lines[line].requirement();
      const PackageIndex package = *checker_.encoding_.find(requirement.name);
      for (const VariantIndex needed : variants_of(package, requirement))
        if (asked.emplace(package, needed).second) {
          std::vector<solv::SolvableId> any;
          for (const auto& [index, candidate] : variant(package, needed)) any.push_back(candidate);
          goal_.install_one_of(std::move(any));
        }
    }
  }

  ClaimChecker& checker_;
  const Claims& claims_;
  solv::Pool pool_;
  solv::NameId name_;
  solv::Goal goal_;
  std::map<std::pair<PackageIndex, VariantIndex>, Variant> variants_;
  std::map<std::tuple<PackageIndex, VariantIndex, Ranges>, solv::Dep> deps_;
  std::map<std::pair<solv::SolvableId, int>, std::size_t> by_reason_;
};

ClaimChecker::ClaimChecker(const Proof& proof, const RequestLines& lines, const Encoding& encoding,
                           const std::vector<bool>& permitted, const std::vector<bool>& dropped,
                           const std::stop_token& stop)
    : lines_(lines), encoding_(encoding), permitted_(permitted), dropped_(dropped), stop_(stop) {
  for (const Proof::Unusable& unusable : proof.unusable) unusable_.emplace(unusable.package, unusable.index);
}

bool ClaimChecker::has_work_left() const { return work_ < kMostWork; }

std::optional<Claims> ClaimChecker::used(const Claims& claims) {
  if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
  return Problem(*this, claims).used();
}

const std::vector<std::size_t>& ClaimChecker::domain(PackageIndex package) {
  const auto [entry, is_new] = domains_.try_emplace(package);
  if (!is_new) return entry->second;
  const ProjectView& view = encoding_.view(package);
  const std::vector<bool> allowed = lines_.allowed(view, dropped_);
  const bool permitted = package < permitted_.size() && permitted_[package];
  for (std::size_t k = 0; k < view.size(); ++k)
    if (allowed[k] && (permitted || !view.is_reserve(k)) && !unusable_.contains({package, k}))
      entry->second.push_back(k);
  return entry->second;
}

}  // namespace moat
