#include "envs/install/resolve_goal.h"

#include "envs/install/requests.h"
#include "resolver/base/nearest.h"
#include "resolver/lock/lock_worlds.h"
#include "resolver/solve/fixes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace moat {
namespace {

ResolveRequest request_for(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                           const std::map<PackageName, Version>& preferences, const ResolveTools& with) {
  ResolveRequest request{.requirements = goal.requirements,
                         .constraints = goal.constraints,
                         .overrides = goal.overrides,
                         .target = target};
  if (!policy.upgrade) request.preferences = preferences;
  for (const PackageName& name : policy.upgrade_packages) request.preferences.erase(name);
  with.terms.fill(request);
  request.no_deps = policy.no_deps;
  request.require_hashes = goal.require_hashes;
  request.ignore_requires_python = goal.ignore_requires_python;
  request.can_build = with.indexes.sources != nullptr && with.terms.may_build;
  return request;
}

constexpr std::size_t kMostFixes = 3;

std::vector<const ResolvedPackage*> packages_of(const Resolution& resolution) {
  std::vector<const ResolvedPackage*> out;
  for (const ResolvedPackage& package : resolution.packages) out.push_back(&package);
  return out;
}

std::vector<const ResolvedPackage*> packages_of(const UniversalResolution& resolution) {
  std::vector<const ResolvedPackage*> out;
  for (const UniversalPackage& package : resolution.packages) out.push_back(&package.package);
  return out;
}

// The answer of `solve` to the request. With --no-vulnerable, versions in it with known vulnerabilities are
// excluded by constraints until there are none, or there is no answer.
template <class Solve>
auto solve_soundly(ResolveRequest& request, const ResolveTools& with, const Solve& solve) {
  auto outcome = solve();
  while (with.terms.no_vulnerable && outcome.index() == 0) {
    std::vector<RootRequirement> vulnerable = with.exclude_vulnerable(packages_of(std::get<0>(outcome)));
    if (vulnerable.empty()) break;
    for (const RootRequirement& line : vulnerable)
      with.tools.reporter.note(fmt::format("{}: {}", line.origin.where, line.requirement.to_string()));
    std::ranges::move(vulnerable, std::back_inserter(request.constraints));
    outcome = solve();
  }
  return outcome;
}

IndexSource source_of(const ResolveTools& with) {
  const Tools& tools = with.tools;
  return {with.indexes, tools.http, tools.store, tools.workers, tools.reporter, tools.stop};
}

// An attempt whose failure is not told needs no fixes.
enum class Fixes { Found, NotWanted };

GoalOutcome try_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                     const std::map<PackageName, Version>& preferences, const ResolveTools& with,
                     Fixes fixes = Fixes::Found) {
  const Tools& tools = with.tools;
  ResolveRequest request = request_for(goal, policy, target, preferences, with);
  IndexSource source = source_of(with);
  if (request.require_hashes && !is_pinned_throughout(request))
    if (auto missing = missing_hashes(request, source, tools)) return std::move(*missing);
  const std::size_t own_constraints = request.constraints.size();
  Outcome outcome =
      solve_soundly(request, with, [&] { return resolve(request, source, tools.reporter, tools.stop); });
  if (auto* resolution = std::get_if<Resolution>(&outcome)) {
    resolution->pages = source.pages();
    return std::move(*resolution);
  }
  Unmet unmet{.conflict = std::move(std::get<Conflict>(outcome)),
              .found = {},
              .near = {},
              .target = target,
              .present = preferences};
  // A fix may bring back excluded versions.
  if (request.constraints.size() > own_constraints) return unmet;
  if (request.require_hashes && lacks_hashes(unmet.conflict, request))
    if (auto missing = missing_hashes(request, source, tools)) return std::move(*missing);
  if (fixes == Fixes::NotWanted) return unmet;
  unmet.near = near_names(unmet.conflict, preferences, tools.store);
  unmet.found = find_fixes(unmet.conflict, request, source, tools.reporter, tools.stop, kMostFixes);
  return unmet;
}

// Installed packages outside the resolution whose requirements were met and would no longer be.
std::vector<RootRequirement> broken_by(const Resolution& resolution, const InstalledGraph& graph) {
  std::map<PackageName, const ResolvedPackage*> chosen;
  for (const ResolvedPackage& package : resolution.packages) chosen.emplace(package.name, &package);
  std::vector<RootRequirement> broken;
  for (const auto& [name, node] : graph.nodes()) {
    if (chosen.count(name) != 0 || node.distribution.direct_url) continue;
    for (const Requirement& requirement : graph.requirements_of(node)) {
      const auto found = chosen.find(requirement.name);
      const InstalledNode* now = graph.find(requirement.name);
      if (found == chosen.end() || now == nullptr) continue;
      const bool was_fine = requirement.specifier.contains(now->distribution.version);
      if (!was_fine || requirement.specifier.contains(found->second->version)) continue;
      const Expected<Requirement> itself = Requirement::parse(node.distribution.name.display());
      broken.push_back(
          {*itself,
           {fmt::format("installed: {} {}", name.display(), node.distribution.version.to_string())},
           {}});
      break;
    }
  }
  return broken;
}

// Installed packages that came from no index, that others need and nobody asked to change: they stay if
// possible, even if an index has another version.
std::vector<RootRequirement> kept_sources(const Resolution& resolution, const Goal& goal,
                                          const ResolvePolicy& policy, const Present& present) {
  std::vector<RootRequirement> kept;
  if (policy.upgrade) return kept;
  for (const ResolvedPackage& package : resolution.packages) {
    const auto from = present.direct.find(package.name);
    const bool asked = std::any_of(goal.requirements.begin(), goal.requirements.end(),
                                   [&](const auto& root) { return root.requirement.name == package.name; });
    if (from == present.direct.end() || package.file.direct || asked ||
        policy.upgrade_packages.count(package.name) != 0)
      continue;
    Requirement itself{.name = package.name,
                       .extras = package.extras,
                       .specifier = {},
                       .url = from->second.reference(),
                       .marker = {}};
    kept.push_back({std::move(itself), {fmt::format("installed: {}", package.name.display())}, {}});
  }
  return kept;
}

}  // namespace

GoalOutcome resolve_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                         const std::map<PackageName, Version>& preferences, const ResolveTools& with) {
  return try_goal(goal, policy, target, preferences, with);
}

EverywhereOutcome resolve_everywhere(const Goal& goal, const ResolvePolicy& policy, UniversalRequest& request,
                                     const ResolveTools& with) {
  const Tools& tools = with.tools;
  const Target here = request.request.target;
  request.request = request_for(goal, policy, here, {}, with);
  if (request.fewest_forks) {
    constexpr unsigned kLate = 99;  // of a minor release of Python: what excludes an early one admits it
    for (const LockTarget& target : request.targets) request.request.also_for.push_back(target.target.python);
    for (const PythonMinor& python : request.everywhere)
      request.request.also_for.push_back(Version::of({python.major, python.minor, kLate}));
  }
  if (request.only_roots) request = request_of_world(request, RootSet(*request.only_roots));
  IndexSource source = source_of(with);
  UniversalOutcome outcome = solve_soundly(
      request.request, with, [&] { return resolve_universal(request, source, tools.reporter, tools.stop); });
  if (auto* resolution = std::get_if<UniversalResolution>(&outcome)) {
    resolution->pages = source.pages();
    return std::move(*resolution);
  }
  UniversalConflict& unsolved = std::get<UniversalConflict>(outcome);
  // If all others may be left out, this machine is the only target: reported as if there were no other.
  const bool is_here = std::any_of(request.targets.begin(), request.targets.end(),
                                   [](const LockTarget& target) { return target.may_be_left_out; });
  if (is_here) {
    unsolved.request.target = here;
    Outcome again = resolve(unsolved.request, source, tools.reporter, tools.stop);
    if (auto* conflict = std::get_if<Conflict>(&again)) unsolved.conflict = std::move(*conflict);
  }
  Unmet unmet{.conflict = std::move(unsolved.conflict),
              .found = {},
              .near = {},
              .target = unsolved.request.target,
              .present = unsolved.request.preferences,
              .is_one_of_many = !is_here};
  unmet.near = near_names(unmet.conflict, unmet.present, tools.store);
  unmet.found = find_fixes(unmet.conflict, unsolved.request, source, tools.reporter, tools.stop, kMostFixes);
  return unmet;
}

namespace {

// What the answer would break, and so has to be resolved as well.
std::vector<RootRequirement> broken_lines(const Resolution& resolution, const Goal& goal,
                                          const Target& target, const ResolvePolicy& policy,
                                          const InstalledGraph& graph) {
  std::vector<RootRequirement> broken =
      policy.no_deps ? std::vector<RootRequirement>() : broken_by(resolution, graph);
  std::ranges::move(broken_requests(resolution, target, goal), std::back_inserter(broken));
  return broken;
}

// The answer that keeps the origins of installed packages, if there is one; else this one.
GoalOutcome keeping_sources(Resolution resolution, Goal goal, const ResolvePolicy& policy,
                            const Target& target, const Present& present, const ResolveTools& with) {
  std::vector<RootRequirement> kept = kept_sources(resolution, goal, policy, present);
  if (kept.empty()) return resolution;
  std::ranges::move(kept, std::back_inserter(goal.requirements));
  GoalOutcome keeps = try_goal(goal, policy, target, present.versions, with, Fixes::NotWanted);
  if (std::holds_alternative<Unmet>(keeps)) return resolution;
  return keeps;
}

}  // namespace

GoalOutcome resolve_for(Goal& goal, const ResolvePolicy& policy, const Target& target,
                        const InstalledGraph& graph, const Present& present, const ResolveTools& with) {
  Goal wider = goal;
  wider.requirements = with_earlier_of_named(goal);
  bool to_fix = policy.fix.has_value();
  for (;;) {
    GoalOutcome outcome = try_goal(wider, policy, target, present.versions, with);
    if (const auto* unmet = std::get_if<Unmet>(&outcome); unmet != nullptr && to_fix) {
      goal = apply_fix(goal, *unmet, *policy.fix);
      wider = apply_fix(wider, *unmet, *policy.fix);
      to_fix = false;
      continue;
    }
    auto* resolution = std::get_if<Resolution>(&outcome);
    if (resolution == nullptr) return outcome;
    std::vector<RootRequirement> broken = broken_lines(*resolution, wider, target, policy, graph);
    if (broken.empty()) {
      if (to_fix)
        throw Error(ErrorKind::Usage, fmt::format("--fix {}: there is no conflict to fix", *policy.fix),
                    {"run it without `--fix`"});
      return keeping_sources(std::move(*resolution), std::move(wider), policy, target, present, with);
    }
    std::ranges::move(broken, std::back_inserter(wider.requirements));
  }
}

void say_excluded(const Goal& goal, const MarkerEnvironment& environment, Reporter& reporter) {
  for (const RootRequirement& root : goal.requirements) {
    const std::optional<Marker>& marker = root.requirement.marker;
    if (!marker || marker->evaluate(environment)) continue;
    const std::string told = fmt::format(
        "{}{} is not installed: its marker `{}` does not hold for Python {} on {}",
        root.origin.where.empty() ? "" : root.origin.where + ": ", root.requirement.name.display(),
        marker->to_string(), environment.python_full_version, environment.sys_platform);
    // A file is written for many machines; a typed line is meant for this one.
    root.origin.where.empty() ? reporter.warn(told) : reporter.note(told);
  }
}

void check_upgrades(const ResolvePolicy& policy, const Resolution& resolution,
                    const std::map<PackageName, Version>& before) {
  std::vector<std::string> known;
  for (const ResolvedPackage& package : resolution.packages) known.push_back(package.name.display());
  for (const auto& [name, version] : before) known.push_back(name.display());
  for (const PackageName& name : policy.upgrade_packages) {
    const bool is_known = before.contains(name) ||
                          std::any_of(resolution.packages.begin(), resolution.packages.end(),
                                      [&](const ResolvedPackage& package) { return package.name == name; });
    if (is_known) continue;
    std::vector<std::string> hints;
    if (const auto near = nearest_name(name.display(), known))
      hints.push_back(fmt::format("did you mean `-P {}`?", *near));
    throw Error(ErrorKind::Usage, fmt::format("-P {}: nothing here needs it", name.display()),
                std::move(hints));
  }
}

}  // namespace moat
