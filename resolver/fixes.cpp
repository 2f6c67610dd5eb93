#include "resolver/fixes.h"

#include "resolver/base/text.h"
#include "resolver/explain.h"

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

// <3 for 2.4.1; nullopt where the next major version means nothing (calendar versions, epochs).
std::optional<Specifier> below_next_major(const Version& version) {
  const auto major = version.release_at(0).as_uint64();
  if (!version.epoch().is_zero() || !major || *major >= 1000) return std::nullopt;
  const auto bound = Specifier::parse("<" + std::to_string(*major + 1));
  return bound ? std::optional<Specifier>(*bound) : std::nullopt;
}

// What to say instead of a clause that the version does not meet: the other side of a lower bound, an upper
// bound moved to the next major version, nothing instead of a hole.
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
      // A lower bound turned round is below every upper bound of the line, and says all that they say.
      if (!upper || !is_upper(clause)) upper = std::move(other);
    }
  }
  if (upper) {
    std::erase_if(clauses, is_upper);
    clauses.push_back(std::move(*upper));
  }
  return SpecifierSet(std::move(clauses));
}

// The request with the line's own text replaced; nullopt if it is not among its lines.
std::optional<ResolveRequest> with(const ResolveRequest& request, const Edge& line,
                                   const SpecifierSet& specifiers) {
  ResolveRequest changed = request;
  if (loosen_line(changed.requirements, line, specifiers) ||
      loosen_line(changed.constraints, line, specifiers))
    return changed;
  return std::nullopt;
}

class FixFinder {
 public:
  FixFinder(const Conflict& conflict, const ResolveRequest& request, CandidateSource& source,
            Reporter& reporter, const std::stop_token& stop)
      : conflict_(conflict), request_(request), source_(source), reporter_(reporter), stop_(stop) {}

  std::vector<Fix> find(std::size_t at_most) {
    std::vector<Fix> fixes;
    for (const Edge& line : conflict_.core) {
      if (fixes.size() == at_most) break;
      if (std::optional<Fix> fix = try_line(line)) fixes.push_back(std::move(*fix));
    }
    return fixes;
  }

 private:
  std::optional<Fix> try_line(const Edge& line) {
    if (line.requirement.url || line.requirement.specifier.empty()) return std::nullopt;
    const auto unlimited = answer(line, SpecifierSet());
    if (!unlimited) return std::nullopt;
    const Version* to = chosen(*unlimited, line.requirement.name);
    if (to == nullptr) return std::nullopt;
    Requirement instead = line.requirement;
    instead.specifier = loosened(line.requirement.specifier, *to);
    // Bounds that come back may rule out what made it work.
    auto resolution = answer(line, instead.specifier);
    if (!resolution) return std::nullopt;
    Fix fix{line, std::move(instead), std::move(*resolution), {}};
    std::set<PackageName> told;
    for (const Edge& other : conflict_.core)
      if (const Version* version = chosen(fix.resolution, other.requirement.name);
          version != nullptr && told.insert(other.requirement.name).second)
        fix.gives.emplace_back(other.requirement.name, *version);
    return fix;
  }

  std::optional<Resolution> answer(const Edge& line, const SpecifierSet& specifiers) {
    const auto request = with(request_, line, specifiers);
    if (!request) return std::nullopt;
    try {
      Outcome outcome = resolve(*request, source_, reporter_, stop_);
      auto* resolution = std::get_if<Resolution>(&outcome);
      return resolution == nullptr ? std::nullopt : std::optional<Resolution>(std::move(*resolution));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Interrupted) throw;
      return std::nullopt;
    }
  }

  const Conflict& conflict_;
  const ResolveRequest& request_;
  CandidateSource& source_;
  Reporter& reporter_;
  const std::stop_token& stop_;
};

}  // namespace

std::vector<Fix> find_fixes(const Conflict& conflict, const ResolveRequest& request, CandidateSource& source,
                            Reporter& reporter, const std::stop_token& stop, std::size_t at_most) {
  return FixFinder(conflict, request, source, reporter, stop).find(at_most);
}

bool loosen_line(std::vector<RootRequirement>& lines, const Edge& line, const SpecifierSet& specifiers) {
  const auto own = std::find_if(lines.begin(), lines.end(), [&](const RootRequirement& root) {
    return root.requirement == line.requirement && root.origin.where == line.origin.where;
  });
  if (own == lines.end()) return false;
  own->requirement.specifier = specifiers;
  return true;
}

std::string to_string(const Fix& fix) {
  std::vector<std::string> gives;
  for (const auto& [name, version] : fix.gives) gives.push_back(name.display() + " " + version.to_string());
  return told(fix.instead) + " gives " + join(gives, ", ");
}

}  // namespace moat
