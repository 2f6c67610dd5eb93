#include "resolver/story.h"

#include "resolver/solv/solver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace moat {
namespace {

// One solve of the small problem takes about a microsecond for each candidate of a claim; this many are
// allowed in all.
constexpr std::size_t kMostWork = 3'000'000;

using Claims = std::vector<Claim>;

// The small problem: the projects of the claims, the user's lines, and nothing else.
class Checker {
 public:
  Checker(const Proof& proof, const RequestLines& lines, const Encoding& encoding,
          const std::vector<bool>& licensed, const std::vector<bool>& dropped, const std::stop_token& stop)
      : lines_(lines), encoding_(encoding), licensed_(licensed), dropped_(dropped), stop_(stop) {
    for (const Proof::Unusable& unusable : proof.unusable)
      unusable_.emplace(unusable.package, unusable.index);
  }

  // Can more be afforded?
  bool has_work_left() const { return work_ < kMostWork; }

  // The claims that a refutation uses; nullopt where they do not contradict each other.
  std::optional<Claims> used(const Claims& claims) {
    if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
    return Problem(*this, claims).used();
  }

  // Candidates that may be chosen as far as the user's lines go, ascending.
  const std::vector<std::size_t>& domain(PackageIndex package) {
    const auto [entry, is_new] = domains_.try_emplace(package);
    if (!is_new) return entry->second;
    const ProjectView& view = encoding_.view(package);
    const std::vector<bool> allowed = lines_.allowed(view, dropped_);
    const bool licensed = package < licensed_.size() && licensed_[package];
    for (std::size_t k = 0; k < view.size(); ++k)
      if (allowed[k] && (licensed || !view.is_reserve(k)) && !unusable_.contains({package, k}))
        entry->second.push_back(k);
    return entry->second;
  }

 private:
  class Problem {
   public:
    Problem(Checker& checker, const Claims& claims)
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

    Checker& checker_;
    const Claims& claims_;
    solv::Pool pool_;
    solv::NameId name_;
    solv::Goal goal_;
    std::map<std::pair<PackageIndex, VariantIndex>, Variant> variants_;
    std::map<std::tuple<PackageIndex, VariantIndex, Ranges>, solv::Dep> deps_;
    std::map<std::pair<solv::SolvableId, int>, std::size_t> by_reason_;
  };

  const RequestLines& lines_;
  const Encoding& encoding_;
  const std::vector<bool>& licensed_;
  const std::vector<bool>& dropped_;
  const std::stop_token& stop_;
  std::set<std::pair<PackageIndex, std::size_t>> unusable_;
  std::map<PackageIndex, std::vector<std::size_t>> domains_;
  std::size_t work_ = 0;
};

// Claims of one kind may be told together: of one package on one other, with the same extras.
using Kind = std::tuple<PackageIndex, VariantIndex, PackageName, std::set<ExtraName>, std::string>;

Kind kind_of(const Claim& claim) {
  return {claim.package, claim.variant, claim.requirement.name, claim.requirement.extras,
          claim.requirement.url.value_or("")};
}

class Shortener {
 public:
  Shortener(Checker& checker, const Encoding& encoding) : checker_(checker), encoding_(encoding) {}

  Claims shorten(const Proof& proof) {
    const Claims of_proof = claims_of(proof);
    std::optional<Claims> found = checker_.used(of_proof);
    if (!found) return sorted(of_proof);  // what the claims cannot say alone: nothing to be made shorter
    // Other requirements of the same candidates may tell the same more shortly.
    std::optional<Claims> all = checker_.used(all_claims(proof));
    story_ = std::move(*found);
    if (all && lines_in(*all) < lines_in(story_)) story_ = std::move(*all);
    drop_kinds();
    merge_kinds();
    return sorted(std::move(story_));
  }

 private:
  Ranges admitted(const Requirement& requirement) const {
    if (!encoding_.is_possible(requirement)) return {};
    return encoding_.view(*encoding_.find(requirement.name)).admitted(requirement.specifier);
  }

  void add(std::map<std::pair<Kind, std::string>, Claim>& claims, PackageIndex package, VariantIndex variant,
           std::size_t index, const Requirement& requirement) const {
    Claim claim{package, variant, {index}, requirement, admitted(requirement)};
    const auto [entry, is_new] =
        claims.try_emplace({kind_of(claim), requirement.specifier.to_string()}, claim);
    if (!is_new) entry->second.indices.insert(index);
  }

  Claims claims_of(const Proof& proof) const {
    std::map<std::pair<Kind, std::string>, Claim> claims;
    for (const Proof::Need& need : proof.needs)
      add(claims, need.package, need.variant, need.index, *need.requirement);
    return values(claims);
  }

  // Of the proof's packages all that is known and is about one of them, or about nothing that there is.
  Claims all_claims(const Proof& proof) const {
    std::set<std::pair<PackageIndex, VariantIndex>> variants;
    std::set<PackageName> names;
    for (const Proof::Need& need : proof.needs) {
      variants.emplace(need.package, need.variant);
      names.insert(encoding_.view(need.package).name());
      names.insert(need.requirement->name);
    }
    std::map<std::pair<Kind, std::string>, Claim> claims;
    for (const auto& [package, variant] : variants) {
      for (const std::size_t index : checker_.domain(package)) {
        const Dependencies* dependencies = encoding_.view(package).dependencies(index);
        if (dependencies == nullptr || dependencies->unusable() || !encoding_.is_fed(package, variant, index))
          continue;
        const auto& extra = encoding_.extra(package, variant);
        for (const Requirement* requirement :
             extra ? dependencies->of_extra(*extra) : dependencies->of_base())
          if (names.contains(requirement->name) && encoding_.find(requirement->name))
            add(claims, package, variant, index, *requirement);
      }
    }
    return values(claims);
  }

  static Claims values(const std::map<std::pair<Kind, std::string>, Claim>& claims) {
    Claims out;
    for (const auto& [key, claim] : claims) out.push_back(claim);
    return out;
  }

  // How many lines it would take at most, each kind one.
  static std::size_t lines_in(const Claims& claims) {
    std::set<Kind> kinds;
    for (const Claim& claim : claims) kinds.insert(kind_of(claim));
    return kinds.size();
  }

  std::vector<Kind> kinds() const {
    std::map<Kind, std::size_t> claims;
    for (const Claim& claim : story_) ++claims[kind_of(claim)];
    std::vector<std::pair<Kind, std::size_t>> by_size(claims.begin(), claims.end());
    std::stable_sort(by_size.begin(), by_size.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::vector<Kind> out;
    for (const auto& [kind, count] : by_size) out.push_back(kind);
    return out;
  }

  // Those that take most lines first.
  void drop_kinds() {
    for (const Kind& kind : kinds()) {
      if (!checker_.has_work_left()) return;
      Claims fewer;
      for (const Claim& claim : story_)
        if (kind_of(claim) != kind) fewer.push_back(claim);
      if (fewer.size() == story_.size()) continue;
      if (std::optional<Claims> used = checker_.used(fewer)) story_ = std::move(*used);
    }
  }

  void merge_kinds() {
    for (const Kind& kind : kinds()) {
      Claims of_kind, others;
      for (const Claim& claim : story_)
        (kind_of(claim) == kind && is_plain(claim) ? of_kind : others).push_back(claim);
      if (of_kind.size() < 2) continue;
      of_kind = sorted(std::move(of_kind));
      story_ = std::move(others);
      for (const Claim& claim : merged(std::move(of_kind))) story_.push_back(claim);
    }
  }

  static bool is_plain(const Claim& claim) { return !claim.admitted.empty() && !claim.requirement.url; }

  // All in one, if that will do; else as many neighbours as go together.
  Claims merged(Claims claims) {
    if (const auto one = weaker(claims, {})) return {*one};
    Claims done;
    while (!claims.empty()) {
      std::size_t together = 1;
      Claim run = claims.front();
      for (; together < claims.size() && checker_.has_work_left(); ++together) {
        const Claims first(claims.begin(), claims.begin() + static_cast<std::ptrdiff_t>(together) + 1);
        Claims rest = done;
        rest.insert(rest.end(), claims.begin() + static_cast<std::ptrdiff_t>(together) + 1, claims.end());
        const auto longer = weaker(first, rest);
        if (!longer) break;
        run = *longer;
      }
      done.push_back(std::move(run));
      claims.erase(claims.begin(), claims.begin() + static_cast<std::ptrdiff_t>(together));
    }
    return done;
  }

  // One claim in place of these that still contradicts the story and `rest`: the weakest bound that will do.
  std::optional<Claim> weaker(const Claims& claims, const Claims& rest) {
    std::size_t lowest = claims.front().admitted.front().first, end = 0;
    Claim one = claims.front();
    for (const Claim& claim : claims) {
      lowest = std::min(lowest, claim.admitted.front().first);
      end = std::max(end, claim.admitted.back().second);
      one.indices.insert(claim.indices.begin(), claim.indices.end());
    }
    const ProjectView& on = encoding_.view(*encoding_.find(one.requirement.name));
    for (const auto& [from, to] :
         {std::pair(lowest, on.size()), std::pair(std::size_t{0}, end), std::pair(lowest, end)}) {
      if (!checker_.has_work_left()) return std::nullopt;
      one.admitted = {{from, to}};
      one.requirement.specifier = bounds(claims, on, from, to);
      Claims story = story_;
      story.insert(story.end(), rest.begin(), rest.end());
      story.push_back(one);
      if (checker_.used(story)) return one;
    }
    return std::nullopt;
  }

  // [from, to) in words: in those of the claims, where one has the very bound.
  static SpecifierSet bounds(const Claims& claims, const ProjectView& on, std::size_t from, std::size_t to) {
    std::vector<Specifier> clauses;
    if (from > 0)
      clauses.push_back(bound(claims, on, {Operator::GreaterEqual, Operator::Greater}, from, ">=", from));
    if (to < on.size())
      clauses.push_back(bound(claims, on, {Operator::Less, Operator::LessEqual}, to, "<=", to - 1));
    return SpecifierSet(std::move(clauses));
  }

  static Specifier bound(const Claims& claims, const ProjectView& on, std::pair<Operator, Operator> operators,
                         std::size_t at, const char* otherwise, std::size_t named) {
    for (const Claim& claim : claims)
      for (const Specifier& clause : claim.requirement.specifier.clauses()) {
        if (clause.op() != operators.first && clause.op() != operators.second) continue;
        const bool is_lower = operators.first == Operator::GreaterEqual;
        const std::size_t edge = is_lower ? claim.admitted.front().first : claim.admitted.back().second;
        const bool is_its_edge =
            is_lower ? clause.contains(on.version(at)) && !clause.contains(on.version(at - 1))
                     : clause.contains(on.version(at - 1)) && !clause.contains(on.version(at));
        if (edge == at && is_its_edge) return clause;
      }
    return *Specifier::parse(otherwise + on.version(named).to_string());
  }

  // Newest first.
  static Claims sorted(Claims claims) {
    std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
      return std::tuple(a.package, a.variant, *b.indices.rbegin()) <
             std::tuple(b.package, b.variant, *a.indices.rbegin());
    });
    return claims;
  }

  Checker& checker_;
  const Encoding& encoding_;
  Claims story_;
};

}  // namespace

std::vector<Claim> shortened(const Proof& proof, const RequestLines& lines, const Encoding& encoding,
                             const std::vector<bool>& licensed, const std::vector<bool>& dropped,
                             const std::stop_token& stop) {
  Checker checker(proof, lines, encoding, licensed, dropped, stop);
  return Shortener(checker, encoding).shorten(proof);
}

}  // namespace moat
