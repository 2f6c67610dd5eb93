#include "resolver/solve/conflict.h"

#include "resolver/base/text.h"
#include "resolver/files/source_url.h"
#include "resolver/solv/solver.h"
#include "resolver/solve/missing_candidates.h"
#include "resolver/solve/proof.h"
#include "resolver/solve/shorten.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>

namespace moat {
namespace {

// Re-solves with lines left out. One Solver serves all questions, so each costs milliseconds.
class Shrinker {
 public:
  Shrinker(const RequestLines& lines, Encoding& encoding, const std::vector<bool>& permitted,
           const std::stop_token& stop)
      : lines_(lines), encoding_(encoding), permitted_(permitted), stop_(stop), solver_(encoding.pool()) {}

  // By line: true if the contradiction holds without it.
  std::vector<bool> droppable() {
    std::vector<bool> dropped(lines_.lines().size(), false);
    // The proof names few projects; the lines of all others are dropped at once.
    if (const auto proof = refute(dropped)) {
      std::set<PackageName> involved;
      for (const PackageIndex package : proof->asked) involved.insert(encoding_.view(package).name());
      std::vector<bool> others = dropped;
      for (LineIndex line = 0; line < others.size(); ++line)
        others[line] = !involved.contains(lines_.lines()[line].requirement().name);
      if (refute(others)) dropped = std::move(others);
    }
    // Later lines first: of two that would do, the earlier one is reported.
    for (LineIndex line = dropped.size(); line-- > 0;) {
      if (dropped[line]) continue;
      if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
      dropped[line] = true;
      if (!refute(dropped)) dropped[line] = false;
    }
    return dropped;
  }

  std::optional<Proof> refute(const std::vector<bool>& dropped) {
    const RequestGoal goal =
        make_goal(lines_, encoding_, permitted_, {.window = std::nullopt, .dropped = dropped});
    if (solver_.solve(goal.goal)) return std::nullopt;
    return read_proof(solver_.refutation(), encoding_, goal);
  }

 private:
  const RequestLines& lines_;
  Encoding& encoding_;
  const std::vector<bool>& permitted_;
  const std::stop_token& stop_;
  solv::Solver solver_;
};

// Reserve candidates between two others do not interrupt a run of versions.
bool are_neighbours(const ProjectView& view, std::size_t a, std::size_t b) {
  for (std::size_t k = a + 1; k < b; ++k)
    if (!view.is_reserve(k)) return false;
  return true;
}

bool are_all(const ProjectView& view, const std::vector<std::size_t>& indices) {
  std::size_t finals = 0;
  for (std::size_t k = 0; k < view.size(); ++k) finals += view.is_reserve(k) ? 0U : 1U;
  const auto told =
      std::count_if(indices.begin(), indices.end(), [&](std::size_t k) { return !view.is_reserve(k); });
  return indices.size() > 1 && static_cast<std::size_t>(told) == finals;
}

// "1.0", "1.0 to 2.4" or "1.0, 1.2 and 1.3": `indices` ascending, runs merged.
std::string versions_text(const ProjectView& view, const std::vector<std::size_t>& indices) {
  if (are_all(view, indices)) return "all versions";
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t end = i + 1;
    while (end < indices.size() && are_neighbours(view, indices[end - 1], indices[end])) ++end;
    std::string part = view.version(indices[i]).to_string();
    if (end - i > 1) part += (end - i > 2 ? " to " : " and ") + view.version(indices[end - 1]).to_string();
    parts.push_back(std::move(part));
    i = end;
  }
  constexpr std::size_t kMostParts = 4;
  if (parts.size() > kMostParts) return parts.front() + " … " + parts.back();
  return join(parts, ", ");
}

// The source of a project is settled before solving, so lines that give it cannot be dropped; but if the
// clash involves the release from that URL, the line belongs to the core.
void restore_urls(const RequestLines& lines, const Encoding& encoding, const Proof& proof,
                  std::vector<bool>& dropped) {
  const auto restore = [&](const PackageName& name) {
    for (const LineIndex line : lines.of(name))
      if (lines.lines()[line].requirement().url) dropped[line] = false;
  };
  for (const Proof::Need& need : proof.needs)
    if (!encoding.is_possible(*need.requirement)) restore(need.requirement->name);
  for (LineIndex line = 0; line < dropped.size(); ++line)
    if (!dropped[line]) restore(lines.lines()[line].requirement().name);
}

// Releases that give a project's URL, if no line gives it and the clash involves the release from that URL.
std::vector<Claim> url_claims(const RequestLines& lines, const Encoding& encoding, const Proof& proof,
                              std::vector<bool>& dropped) {
  std::vector<Claim> out;
  std::set<PackageName> seen;
  for (const Proof::Need& need : proof.needs) {
    const PackageName& name = need.requirement->name;
    if (need.requirement->url || encoding.is_possible(*need.requirement) || !encoding.pinned_url(name) ||
        lines.urls().contains(name) || !seen.insert(name).second)
      continue;
    for (PackageIndex package = 0; package < encoding.size() && out.size() < seen.size(); ++package) {
      const ProjectView& view = encoding.view(package);
      for (std::size_t index = view.size(); index-- > 0 && out.size() < seen.size();) {
        if (!encoding.is_fed(package, 0, index) || view.dependencies(index) == nullptr) continue;
        for (const Requirement* requirement : view.dependencies(index)->of_base())
          if (requirement->name == name && requirement->url &&
              same_reference(*requirement->url, *encoding.pinned_url(name))) {
            out.push_back({package, 0, {index}, *requirement, {}});
            for (const LineIndex line : lines.of(view.name())) dropped[line] = false;
            break;
          }
      }
    }
  }
  return out;
}

class Teller {
 public:
  Teller(const RequestLines& lines, const Encoding& encoding, CandidateFilter& filter,
         const std::vector<bool>& dropped)
      : lines_(lines), encoding_(encoding), filter_(filter), dropped_(dropped) {}

  Conflict tell(const Proof& proof, const std::vector<Claim>& claims) {
    for (const Claim& claim : claims) claims_[claim.package].push_back(&claim);
    for (const Proof::Unusable& unusable : proof.unusable) unusable_[unusable.package].insert(unusable.index);
    for (LineIndex line = 0; line < lines_.lines().size(); ++line)
      if (!dropped_[line]) tell_line(line);
    tell_reached();
    for (const Claim& claim : claims)
      if (told_.insert(claim.package).second) {
        to_do_.push_back(claim.package);
        tell_reached();
      }
    return std::move(conflict_);
  }

 private:
  void tell_reached() {
    while (!to_do_.empty()) {
      const PackageIndex package = to_do_.front();
      to_do_.pop_front();
      tell_package(package);
    }
  }

  void tell_line(LineIndex line) {
    const RequestLine& own = lines_.lines()[line];
    const Requirement& requirement = own.requirement();
    conflict_.core.push_back({std::nullopt, requirement, own.line->origin});
    ConflictStep step{std::nullopt, "", requirement, own.line->origin, std::nullopt, "", std::nullopt};
    if (is_last_of_name(line)) add_lack(step, line);
    conflict_.steps.push_back(std::move(step));
    reach(requirement.name);
  }

  bool is_last_of_name(LineIndex line) const {
    for (const LineIndex other : lines_.of(lines_.lines()[line].requirement().name))
      if (other > line && !dropped_[other]) return false;
    return true;
  }

  void tell_package(PackageIndex package) {
    const ProjectView& view = encoding_.view(package);
    for (const Claim* claim : claims_[package]) {
      const std::vector<std::size_t> indices(claim->indices.begin(), claim->indices.end());
      ConflictStep step{view.name(),
                        versions_text(view, indices),
                        claim->requirement,
                        {},
                        std::nullopt,
                        "",
                        encoding_.extra(package, claim->variant)};
      add_lack(step, std::nullopt);
      conflict_.steps.push_back(std::move(step));
      reach(claim->requirement.name);
    }
    tell_unusable(package);
  }

  void reach(const PackageName& name) {
    const auto package = encoding_.find(name);
    if (package && told_.insert(*package).second) to_do_.push_back(*package);
  }

  // Packages that cannot be had at all, whatever else is chosen.
  void add_lack(ConflictStep& step, std::optional<LineIndex> line) const {
    const auto package = encoding_.find(step.requirement.name);
    if (!package) return;
    const ProjectView& view = encoding_.view(*package);
    SpecifierSet specifiers = step.requirement.specifier;
    if (line)
      for (const LineIndex other : lines_.of(view.name()))
        if (!dropped_[other])
          specifiers = specifiers.intersected(lines_.lines()[other].requirement().specifier);
    if (is_empty(step.requirement.specifier)) {
      step.lack = MissingCandidates::NoVersionInRange;
      step.detail = "no version meets all of that";
      return;
    }
    // If the lines exclude each other, nothing else needs to be said.
    if (is_empty(specifiers)) return;
    const MissingCandidatesReason reason =
        missing_candidates_of(view.project(), view.filtered(), specifiers, filter_);
    if (reason.lack != MissingCandidates::Conflicting) {
      step.lack = reason.lack;
      step.detail = reason.detail;
      step.facts = reason.facts;
    } else if (const auto index = newest_unusable(*package, specifiers)) {
      step.lack = MissingCandidates::NoUsableFile;
      step.detail =
          view.version(*index).to_string() + " cannot be used: " + *view.dependencies(*index)->unusable();
    }
  }

  static bool is_empty(const SpecifierSet& specifiers) {
    const auto meaning = VersionSet::from(specifiers);
    return meaning && meaning->is_empty();
  }

  // Where metadata, not the index, rules out everything that the specifiers admit.
  std::optional<std::size_t> newest_unusable(PackageIndex package, const SpecifierSet& specifiers) const {
    const auto found = unusable_.find(package);
    if (found == unusable_.end()) return std::nullopt;
    const ProjectView& view = encoding_.view(package);
    std::optional<std::size_t> newest;
    for (std::size_t k = 0; k < view.size(); ++k) {
      if (!admits(specifiers, *view.candidate(k).release)) continue;
      if (found->second.contains(k))
        newest = k;
      else if (!view.is_reserve(k))
        return std::nullopt;
    }
    return newest;
  }

  // … and where it rules out only some.
  void tell_unusable(PackageIndex package) {
    const auto found = unusable_.find(package);
    if (found == unusable_.end() || claims_[package].empty()) return;
    const ProjectView& view = encoding_.view(package);
    std::map<std::string, std::vector<std::size_t>> by_reason;
    for (const std::size_t index : found->second)
      by_reason[*view.dependencies(index)->unusable()].push_back(index);
    for (const auto& [reason, indices] : by_reason) {
      ConflictStep step{
          view.name(), versions_text(view, indices), {view.name(), {}, {}, {}, {}}, {}, std::nullopt, "",
          std::nullopt};
      step.unusable = reason;
      conflict_.steps.push_back(std::move(step));
    }
  }

  const RequestLines& lines_;
  const Encoding& encoding_;
  CandidateFilter& filter_;
  const std::vector<bool>& dropped_;
  std::map<PackageIndex, std::vector<const Claim*>> claims_;
  std::map<PackageIndex, std::set<std::size_t>> unusable_;
  std::set<PackageIndex> told_;
  std::deque<PackageIndex> to_do_;
  Conflict conflict_;
};

}  // namespace

Conflict make_conflict(const RequestLines& lines, Encoding& encoding, const std::vector<bool>& permitted,
                       CandidateFilter& filter, const std::stop_token& stop) {
  Shrinker shrinker(lines, encoding, permitted, stop);
  std::vector<bool> dropped = shrinker.droppable();
  const std::optional<Proof> proof = shrinker.refute(dropped);
  restore_urls(lines, encoding, proof.value(), dropped);
  std::vector<Claim> claims = shortened(*proof, lines, encoding, permitted, dropped, stop);
  for (Claim& claim : url_claims(lines, encoding, *proof, dropped)) claims.push_back(std::move(claim));
  return Teller(lines, encoding, filter, dropped).tell(*proof, claims);
}

}  // namespace moat
