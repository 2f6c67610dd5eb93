#include "resolver/solve/shorten.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace moat {
namespace {

// Claims of one kind can be merged: of one package on one other, with the same extras.
using Kind = std::tuple<PackageIndex, VariantIndex, PackageName, std::set<ExtraName>, std::string>;

Kind kind_of(const Claim& claim) {
  return {claim.package, claim.variant, claim.requirement.name, claim.requirement.extras,
          claim.requirement.url.value_or("")};
}

class Shortener {
 public:
  Shortener(ClaimChecker& checker, const Encoding& encoding) : checker_(checker), encoding_(encoding) {}

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

  // All known claims of the proof's packages that are about one of them, or about nothing that exists.
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

  // The most lines this could take, one line per kind.
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

  // Largest first.
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

  // Merge all into one if possible; else merge as many neighbours as possible.
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

  // One claim instead of these that still contradicts the story and `rest`, with the weakest possible bound.
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

  // [from, to) in words: taken from a claim that has exactly this bound, if there is one.
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

  ClaimChecker& checker_;
  const Encoding& encoding_;
  Claims story_;
};

}  // namespace

Claims shortened(const Proof& proof, const RequestLines& lines, const Encoding& encoding,
                 const std::vector<bool>& permitted, const std::vector<bool>& dropped,
                 const std::stop_token& stop) {
  ClaimChecker checker(proof, lines, encoding, permitted, dropped, stop);
  return Shortener(checker, encoding).shorten(proof);
}

}  // namespace moat
