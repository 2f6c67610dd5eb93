#include "resolver/solve/fixes.h"

#include "resolver/base/text.h"
#include "resolver/solve/explain.h"

#include <algorithm>
#include <optional>
#include <set>

namespace moat {
namespace {

const Version* chosen(const Resolution& resolution, const PackageName& name) {
  const auto found = std::find_if(resolution.packages.begin(), resolution.packages.end(),
                                  [&](const ResolvedPackage& package) { return package.name == name; });
  return found == resolution.packages.end() ? nullptr : &found->version;
}

// <3 for 2.4.1; nullopt if the next major version means nothing (calendar versions, epochs).
std::optional<Specifier> below_next_major(const Version& version) {
  const auto major = version.release_at(0).as_uint64();
  if (!version.epoch().is_zero() || !major || *major >= 1000) return std::nullopt;
  const auto bound = Specifier::parse("<" + std::to_string(*major + 1));
  return bound ? std::optional<Specifier>(*bound) : std::nullopt;
}

// The replacement for a clause that the version does not meet: the opposite of a lower bound, an upper bound
// moved to the next major version, nothing for an exclusion.
std::optional<Specifier> instead_of(const Specifier& clause, const Version& version) {
  switch (clause.op()) {
    case Operator::GreaterEqual:
    case Operator::Greater: {
      const std::string_view other_side = clause.op() == Operator::Greater ? "<=" : "<";
      const auto opposite = Specifier::parse(std::string(other_side) + clause.text());
      if (opposite && opposite->contains(version)) return *opposite;
      return std::nullopt;
    }
    case Operator::Less:
    case Operator::LessEqual:
    case Operator::Equal:
    case Operator::Compatible:
    case Operator::ArbitraryEqual:
      return below_next_major(version);
    case Operator::NotEqual:
      return std::nullopt;
  }
  return std::nullopt;
}

SpecifierSet loosened(const SpecifierSet& specifiers, const Version& to) {
  const auto is_upper = [](const Specifier& clause) {
    return clause.op() == Operator::Less || clause.op() == Operator::LessEqual;
  };
  std::vector<Specifier> clauses;
  std::optional<Specifier> upper;
  for (const Specifier& clause : specifiers.clauses()) {
    if (clause.contains(to)) {
      clauses.push_back(clause);
    } else if (auto other = instead_of(clause, to)) {
      // An inverted lower bound is below every upper bound of the line, and implies them.
      if (!upper || !is_upper(clause)) upper = std::move(other);
    }
  }
  if (upper) {
    std::erase_if(clauses, is_upper);
    clauses.push_back(std::move(*upper));
  }
  return SpecifierSet(std::move(clauses));
}

bool is_same_line(const Edge& a, const Edge& b) {
  return a.requirement == b.requirement && a.origin.where == b.origin.where;
}

// Replaces the specifiers of the line, if it is among these; returns false if not.
bool loosen_line(std::vector<RootRequirement>& lines, const Edge& line, const SpecifierSet& specifiers) {
  const auto own = std::find_if(lines.begin(), lines.end(), [&](const RootRequirement& root) {
    return root.requirement == line.requirement && root.origin.where == line.origin.where;
  });
  if (own == lines.end()) return false;
  own->requirement.specifier = specifiers;
  return true;
}

bool loosen_line(ResolveRequest& request, const Edge& line, const SpecifierSet& specifiers) {
  return loosen_line(request.requirements, line, specifiers) ||
         loosen_line(request.constraints, line, specifiers);
}

class FixFinder {
 public:
  FixFinder(const Conflict& conflict, const ResolveRequest& request, CandidateSource& source,
            Reporter& reporter, const std::stop_token& stop)
      : conflict_(conflict), request_(request), source_(source), reporter_(reporter), stop_(stop) {
    source_.stop_building();
  }

  FoundFixes find(std::size_t at_most, ResolveBudget budget) {
    budget_ = {};
    for (std::size_t i = 0; i < conflict_.core.size() && found_.fixes.size() < at_most; ++i) {
      const int share = static_cast<int>(conflict_.core.size() - i);
      const ResolveBudget given{budget.rounds / share, budget.releases / share};
      budget.rounds -= given.rounds;
      budget.releases -= given.releases;
      budget_ = {budget_.rounds + given.rounds, budget_.releases + given.releases};
      if (std::optional<Fix> fix = try_lines({conflict_.core[i]}, conflict_.core))
        found_.fixes.push_back(std::move(*fix));
    }
    return std::move(found_);
  }

 private:
  static constexpr std::size_t kMostLines = 3;

  // passed: the lines of all conflicts seen on the way.
  std::optional<Fix> try_lines(const std::vector<Edge>& lines, const std::vector<Edge>& passed) {
    if (lines.back().requirement.url || lines.back().requirement.specifier.empty()) return std::nullopt;
    ResolveRequest unlimited = request_;
    unlimited.pass_over_unbuilt = true;
    for (const Edge& line : lines)
      if (!loosen_line(unlimited, line, SpecifierSet())) return std::nullopt;
    auto outcome = answer(unlimited);
    if (!outcome) return std::nullopt;
    if (const auto* next = std::get_if<Conflict>(&*outcome)) return try_more_lines(lines, passed, *next);
    return checked(lines, std::get<Resolution>(*outcome));
  }

  // Another conflict. One of its lines must be loosened too; but none that was passed on the way, since
  // loosening that one alone would have been enough.
  std::optional<Fix> try_more_lines(const std::vector<Edge>& lines, const std::vector<Edge>& passed,
                                    const Conflict& next) {
    if (lines.size() == kMostLines) return std::nullopt;
    std::vector<Edge> all_passed = passed;
    all_passed.insert(all_passed.end(), next.core.begin(), next.core.end());
    for (const Edge& another : next.core) {
      if (std::any_of(passed.begin(), passed.end(),
                      [&](const Edge& before) { return is_same_line(before, another); }))
        continue;
      std::vector<Edge> more = lines;
      more.push_back(another);
      if (std::optional<Fix> fix = try_lines(more, all_passed)) return fix;
    }
    return std::nullopt;
  }

  // Keeps those of the lines' own bounds that `unlimited` meets. They may rule out what made it work.
  std::optional<Fix> checked(const std::vector<Edge>& lines, const Resolution& unlimited) {
    ResolveRequest request = request_;
    Fix fix;
    for (const Edge& line : lines) {
      const Version* to = chosen(unlimited, line.requirement.name);
      if (to == nullptr) return std::nullopt;
      fix.changes.push_back({line, line.requirement});
      fix.changes.back().instead.specifier = loosened(line.requirement.specifier, *to);
      loosen_line(request, line, fix.changes.back().instead.specifier);
    }
    auto outcome = answer(request);
    if (!outcome || std::holds_alternative<Conflict>(*outcome)) return std::nullopt;
    fix.resolution = std::get<Resolution>(std::move(*outcome));
    std::vector<Edge> about = conflict_.core;
    about.insert(about.end(), lines.begin() + 1, lines.end());
    std::set<PackageName> told;
    for (const Edge& other : about)
      if (const Version* version = chosen(fix.resolution, other.requirement.name);
          version != nullptr && told.insert(other.requirement.name).second)
        fix.gives.emplace_back(other.requirement.name, *version);
    return fix;
  }

  std::optional<Outcome> answer(const ResolveRequest& request) {
    ResolveStatistics statistics;
    try {
      auto outcome = resolve_within(budget_, request, source_, reporter_, stop_, &statistics);
      found_.ran_out |= !outcome;
      found_.left_builds_out |= statistics.unbuilt > 0;
      return outcome;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Interrupted) throw;
      found_.left_builds_out |= error.kind() == ErrorKind::Refused;
      return std::nullopt;
    }
  }

  const Conflict& conflict_;
  const ResolveRequest& request_;
  CandidateSource& source_;
  Reporter& reporter_;
  const std::stop_token& stop_;
  ResolveBudget budget_;
  FoundFixes found_;
};

}  // namespace

FoundFixes find_fixes(const Conflict& conflict, const ResolveRequest& request, CandidateSource& source,
                      Reporter& reporter, const std::stop_token& stop, std::size_t at_most,
                      ResolveBudget budget) {
  return FixFinder(conflict, request, source, reporter, stop).find(at_most, budget);
}

void loosen_lines(std::vector<RootRequirement>& lines, const Fix& fix) {
  for (const Fix::Change& change : fix.changes) loosen_line(lines, change.line, change.instead.specifier);
}

std::string to_string(const Fix& fix) {
  std::vector<std::string> gives;
  for (const auto& [name, version] : fix.gives) gives.push_back(name.display() + " " + version.to_string());
  std::vector<std::string> asks;
  for (const Fix::Change& change : fix.changes) asks.push_back(told(change.instead));
  return join(asks, " and ") + " gives " + join(gives, ", ");
}

}  // namespace moat
