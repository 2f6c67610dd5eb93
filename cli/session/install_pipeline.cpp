#include "cli/session/install_pipeline.h"

#include "cli/session/conflict.h"
#include "cli/session/hash_mode.h"
#include "cli/session/install_terms.h"
#include "cli/session/known_advisories.h"
#include "envs/install/bytecode_ahead.h"
#include "envs/install/requests.h"
#include "envs/install/source_builds.h"
#include "fetch/download/wheels.h"
#include "fetch/index/metadata_check.h"
#include "resolver/base/nearest.h"
#include "resolver/lock/lock_worlds.h"
#include "resolver/solve/fixes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace moat {
namespace {

ResolveRequest request_for(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                           const std::map<PackageName, Version>& preferences, const InstallRequest& terms,
                           const Session& session) {
  ResolveRequest request{.requirements = goal.requirements,
                         .constraints = goal.constraints,
                         .overrides = goal.overrides,
                         .target = target};
  if (!policy.upgrade) request.preferences = preferences;
  for (const PackageName& name : policy.upgrade_packages) request.preferences.erase(name);
  terms.fill(request);
  request.no_deps = policy.no_deps;
  request.require_hashes = goal.require_hashes;
  request.ignore_requires_python = goal.ignore_requires_python;
  request.can_build = session.uses_sources() && terms.may_build;
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
auto solve_soundly(const InstallRequest& terms, ResolveRequest& request, Session& session,
                   const Solve& solve) {
  auto outcome = solve();
  while (terms.no_vulnerable && outcome.index() == 0) {
    std::vector<RootRequirement> vulnerable =
        exclude_vulnerable(packages_of(std::get<0>(outcome)), session.advisories(), session.settings());
    if (vulnerable.empty()) break;
    for (const RootRequirement& line : vulnerable)
      session.reporter().note(fmt::format("{}: {}", line.origin.where, line.requirement.to_string()));
    std::ranges::move(vulnerable, std::back_inserter(request.constraints));
    outcome = solve();
  }
  return outcome;
}

std::variant<Resolution, Unmet> try_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                                         const std::map<PackageName, Version>& preferences,
                                         const InstallRequest& terms, Session& session) {
  ResolveRequest request = request_for(goal, policy, target, preferences, terms, session);
  const std::unique_ptr<IndexSource> source = session.index_source(terms.indexes);
  if (request.require_hashes && !is_pinned_throughout(request))
    if (auto error = missing_hashes(request, *source, session)) throw std::move(*error);
  const std::size_t own_constraints = request.constraints.size();
  Outcome outcome = solve_soundly(
      terms, request, session, [&] { return resolve(request, *source, session.reporter(), session.stop()); });
  if (auto* resolution = std::get_if<Resolution>(&outcome)) return std::move(*resolution);
  Unmet unmet{std::move(std::get<Conflict>(outcome)), {}, {}};
  // A fix may bring back excluded versions.
  if (request.constraints.size() > own_constraints) return unmet;
  if (request.require_hashes && lacks_hashes(unmet.conflict, request))
    if (auto error = missing_hashes(request, *source, session)) throw std::move(*error);
  unmet.near = near_names(unmet.conflict, preferences, session.store());
  unmet.found = find_fixes(unmet.conflict, request, *source, session.reporter(), session.stop(), kMostFixes);
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

// The wheel's metadata must match the metadata it was chosen by. A lock has no metadata to compare.
void check_metadata(const ResolvedPackage& package, const StoredWheel& wheel) {
  if (package.release == nullptr || !package.file.wheel) return;
  if (const auto difference = metadata_disagreement(package.metadata, wheel))
    throw Error(ErrorKind::HashMismatch,
                fmt::format("the metadata of `{}` that the index {} gives is not that of the file: {}",
                            wheel.filename, package.index, *difference),
                {"the index is wrong; run the command again to use the file's metadata"});
}

bool holds_digest(const std::vector<Digest>& accepted, const std::string& sha256) {
  return std::any_of(accepted.begin(), accepted.end(), [&](const Digest& digest) {
    return digest.algorithm == "sha256" && digest.hex == sha256;
  });
}

}  // namespace

void say_excluded(const Goal& goal, const MarkerEnvironment& environment, Session& session) {
  for (const RootRequirement& root : goal.requirements) {
    const std::optional<Marker>& marker = root.requirement.marker;
    if (!marker || marker->evaluate(environment)) continue;
    const std::string told = fmt::format(
        "{}{} is not installed: its marker `{}` does not hold for Python {} on {}",
        root.origin.where.empty() ? "" : root.origin.where + ": ", root.requirement.name.display(),
        marker->to_string(), environment.python_full_version, environment.sys_platform);
    // A file is written for many machines; a typed line is meant for this one.
    root.origin.where.empty() ? session.reporter().warn(told) : session.reporter().note(told);
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

Resolution resolve_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                        const std::map<PackageName, Version>& preferences, Session& session) {
  auto outcome =
      try_goal(goal, policy, target, preferences, install_request(goal, session.settings()), session);
  if (const auto* unmet = std::get_if<Unmet>(&outcome))
    throw conflict_error(*unmet, target, preferences, policy.takes_fix);
  return std::move(std::get<Resolution>(outcome));
}

UniversalResolution resolve_everywhere(const Goal& goal, const ResolvePolicy& policy,
                                       UniversalRequest& request, Session& session) {
  const InstallRequest terms = install_request(goal, session.settings());
  const Target here = request.request.target;
  request.request = request_for(goal, policy, here, {}, terms, session);
  if (request.fewest_forks) {
    constexpr unsigned kLate = 99;  // of a minor release of Python: what excludes an early one admits it
    for (const LockTarget& target : request.targets) request.request.also_for.push_back(target.target.python);
    for (const PythonMinor& python : request.everywhere)
      request.request.also_for.push_back(Version::of({python.major, python.minor, kLate}));
  }
  if (request.only_roots) request = request_of_world(request, RootSet(*request.only_roots));
  const std::unique_ptr<IndexSource> source = session.index_source(terms.indexes);
  UniversalOutcome outcome = solve_soundly(terms, request.request, session, [&] {
    return resolve_universal(request, *source, session.reporter(), session.stop());
  });
  if (auto* resolution = std::get_if<UniversalResolution>(&outcome)) return std::move(*resolution);
  UniversalConflict& unsolved = std::get<UniversalConflict>(outcome);
  // If all others may be left out, this machine is the only target: reported as if there were no other.
  const bool is_here = std::any_of(request.targets.begin(), request.targets.end(),
                                   [](const LockTarget& target) { return target.may_be_left_out; });
  if (is_here) {
    unsolved.request.target = here;
    Outcome again = resolve(unsolved.request, *source, session.reporter(), session.stop());
    if (auto* conflict = std::get_if<Conflict>(&again)) unsolved.conflict = std::move(*conflict);
  }
  Unmet unmet{std::move(unsolved.conflict), {}, {}};
  unmet.near = near_names(unmet.conflict, unsolved.request.preferences, session.store());
  unmet.found =
      find_fixes(unmet.conflict, unsolved.request, *source, session.reporter(), session.stop(), kMostFixes);
  throw conflict_error(unmet, unsolved.request.target, unsolved.request.preferences, false,
                       is_here ? std::string() : unsolved.request.target.description);
}

Resolution resolve_for(Goal& goal, const ResolvePolicy& policy, const Target& target,
                       const InstalledGraph& graph, const Present& present, Session& session) {
  const InstallRequest terms = install_request(goal, session.settings());
  Goal wider = goal;
  wider.requirements = with_earlier_of_named(goal);
  bool to_fix = policy.fix.has_value();
  for (;;) {
    auto outcome = try_goal(wider, policy, target, present.versions, terms, session);
    if (const auto* unmet = std::get_if<Unmet>(&outcome)) {
      if (!to_fix) throw conflict_error(*unmet, target, present.versions, policy.takes_fix);
      goal = apply_fix(goal, *unmet, *policy.fix);
      wider = apply_fix(wider, *unmet, *policy.fix);
      to_fix = false;
      continue;
    }
    Resolution& resolution = std::get<Resolution>(outcome);
    std::vector<RootRequirement> broken =
        policy.no_deps ? std::vector<RootRequirement>() : broken_by(resolution, graph);
    const std::vector<RootRequirement> broken_words = broken_requests(resolution, target, wider);
    broken.insert(broken.end(), broken_words.begin(), broken_words.end());
    if (broken.empty()) {
      if (to_fix)
        throw Error(ErrorKind::Usage, fmt::format("--fix {}: there is no conflict to fix", *policy.fix),
                    {"run it without `--fix`"});
      const std::vector<RootRequirement> kept = kept_sources(resolution, wider, policy, present);
      if (kept.empty()) return std::move(resolution);
      Goal keeping = wider;
      keeping.requirements.insert(keeping.requirements.end(), kept.begin(), kept.end());
      auto kept_outcome = try_goal(keeping, policy, target, present.versions, terms, session);
      auto* keeps = std::get_if<Resolution>(&kept_outcome);
      return std::move(keeps != nullptr ? *keeps : resolution);
    }
    wider.requirements.insert(wider.requirements.end(), broken.begin(), broken.end());
  }
}

namespace {

// A requested folder may have changed; an archive or a commit has not.
bool comes_anew(const ResolvedPackage& package, bool requested, const Present& present) {
  const SourceUrl* const source = package.file.direct.get();
  if (!source) return false;
  const auto before = present.direct.find(package.name);
  if (before == present.direct.end()) return true;
  if (source->kind == SourceKind::Directory) return requested;
  const DirectUrl now = DirectUrl::of(*source, std::nullopt, false);
  if (now.url != before->second.url || now.subdirectory != before->second.subdirectory) return true;
  if (source->kind == SourceKind::Git)
    return now.commit != before->second.commit || now.requested_revision != before->second.requested_revision;
  const std::vector<Digest>& digests = package.file.artifact.digests;
  return !before->second.sha256 ||
         std::find(digests.begin(), digests.end(), *before->second.sha256) == digests.end();
}

}  // namespace

InstallPlan plan_install(const Goal& goal, const Resolution& resolution, const Present& present,
                         bool reinstall) {
  std::map<PackageName, const RootRequirement*> asked;
  for (const RootRequirement& root : goal.requirements) {
    const auto [place, is_new] = asked.emplace(root.requirement.name, &root);
    if (!is_new && root.requirement.url) place->second = &root;
  }
  InstallPlan plan;
  for (const ResolvedPackage& package : resolution.packages) {
    const auto found = asked.find(package.name);
    if (found != asked.end() && goal.only_dependencies) continue;
    Step step{&package, found != asked.end(), package.accepted, false};
    step.editable = goal.editables.count(package.name) != 0;
    const auto version = present.versions.find(package.name);
    const auto placed = present.placed.find(package.name);
    const bool same_version = version != present.versions.end() && version->second == package.version;
    const bool hash_fits = step.hashes.empty() || (placed != present.placed.end() &&
                                                   holds_digest(step.hashes, placed->second.wheel_sha256));
    if (!same_version || reinstall || comes_anew(package, step.requested, present) || !hash_fits)
      plan.steps.push_back(std::move(step));
    else if (step.requested && !(placed != present.placed.end() && placed->second.requested))
      plan.mark_requested.insert(package.name);
  }
  return plan;
}

TransactionRequest without_wheels(const InstallPlan& plan) {
  TransactionRequest request;
  for (const Step& step : plan.steps)
    request.install.push_back({step.package->name, step.package->version, {}, step.requested, {}});
  return request;
}

namespace {

// A wheel in the store, and its origin if that is not an index.
struct ReadyWheel {
  StoredWheel wheel;
  std::optional<DirectUrl> from;
};

std::optional<DirectUrl> origin_of(const Step& step, const std::optional<Digest>& sha256,
                                   const std::string& commit) {
  if (!step.package->file.direct) return std::nullopt;
  SourceUrl source = *step.package->file.direct;
  if (!commit.empty()) source.commit = commit;
  return DirectUrl::of(source, sha256, step.editable);
}

BadRecord bad_record_rule(const PackageName& name, const Session& session) {
  const Settings& settings = session.settings();
  const auto& names = settings.allowed_bad_records;
  const bool is_allowed =
      settings.allow_bad_records || std::find(names.begin(), names.end(), name) != names.end();
  return is_allowed ? BadRecord::Allowed : BadRecord::NeedsHash;
}

// The results of each step, in order: downloaded, or built meanwhile.
std::vector<ReadyWheel> make_ready(const std::vector<Step>& steps, const std::shared_future<Runtime>& runtime,
                                   Session& session) {
  std::vector<WheelOrder> orders;
  std::vector<SourceToBuild> sources;
  for (const Step& step : steps) {
    if (step.package->file.wheel)
      orders.push_back(
          {step.package->file.artifact, step.hashes, bad_record_rule(step.package->name, session)});
    else
      sources.push_back({step.package, step.hashes, step.editable});
  }
  std::optional<SourceBuilds> builds;
  if (!sources.empty())
    builds.emplace(std::move(sources), session.sources(), session.source_policy(), session.stop());
  std::optional<BytecodeAhead> bytecode;
  if (session.settings().compile == Compile::Now && runtime.valid())
    bytecode.emplace(runtime, session.store(), session.reporter());
  const auto compile = [&](const StoredWheel& wheel) {
    if (bytecode) bytecode->add(wheel);
  };
  const std::vector<StoredWheel> wheels =
      obtain_wheels(orders, session.http(), session.store(), session.workers(), session.reporter(),
                    session.stop(), compile);
  const std::vector<BuiltWheel> built = builds ? builds->finish() : std::vector<BuiltWheel>();
  for (const BuiltWheel& one : built) compile(one.wheel);
  if (bytecode) bytecode->finish();

  std::vector<ReadyWheel> ready;
  auto next_wheel = wheels.begin();
  auto next_built = built.begin();
  for (const Step& step : steps) {
    if (step.package->file.wheel) {
      check_metadata(*step.package, *next_wheel);
      ready.push_back({*next_wheel, origin_of(step, next_wheel->digest, "")});
      ++next_wheel;
    } else {
      ready.push_back({next_built->wheel, origin_of(step, next_built->sha256, next_built->commit)});
      ++next_built;
    }
  }
  return ready;
}

// The same bytes are placed; and if they were built, from the same origin.
bool is_there(const Step& step, const ReadyWheel& ready, const Present& present) {
  const auto placed = present.placed.find(step.package->name);
  if (placed == present.placed.end() || placed->second.wheel_sha256 != ready.wheel.digest.hex ||
      present.versions.count(step.package->name) == 0)
    return false;
  if (step.package->file.wheel) return true;
  const auto from = present.direct.find(step.package->name);
  const bool was_direct = from != present.direct.end();
  return was_direct == ready.from.has_value() &&
         (!was_direct || from->second.to_text() == ready.from->to_text());
}

}  // namespace

TransactionRequest with_wheels(const InstallPlan& plan, const Present& present, bool reinstall,
                               const std::shared_future<Runtime>& runtime, Session& session) {
  TransactionRequest request{.mark_requested = plan.mark_requested};
  if (plan.steps.empty()) return request;
  const std::vector<ReadyWheel> ready = make_ready(plan.steps, runtime, session);

  // From here on every wheel is verified.
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const Step& step = plan.steps[i];
    const auto placed = present.placed.find(step.package->name);
    const bool was_requested = placed != present.placed.end() && placed->second.requested;
    if (!reinstall && is_there(step, ready[i], present)) {
      if (step.requested && !was_requested) request.mark_requested.insert(step.package->name);
      continue;
    }
    WantedPackage wanted{
        step.package->name, step.package->version, ready[i].wheel, step.requested || was_requested, {}};
    if (ready[i].from)
      wanted.direct_url = ready[i].from->to_text();
    else if (const Expected<Url> index = Url::parse(step.package->index))
      wanted.index = index->without_credentials().to_string();
    request.install.push_back(std::move(wanted));
  }
  return request;
}

std::shared_future<Runtime> runtime_inside(const std::filesystem::path& environment,
                                           const Interpreter& interpreter) {
  return ready_runtime({.tree = environment / ".moat" / "rt", .interpreter = interpreter});
}

std::string disk_cost(const TransactionRequest& request, LinkMode mode) {
  if (mode != LinkMode::Auto && mode != LinkMode::Copy) return "";
  constexpr std::uint64_t kBig = 1'000'000'000;
  std::uint64_t all = 0, unshared = 0;
  for (const WantedPackage& package : request.install)
    for (const StoredFile& file : package.wheel.files) {
      all += file.size;
      if (link_mode_for(LinkMode::SharedBinaries, file.path, file.size) != LinkMode::Hardlink)
        unshared += file.size;
    }
  if (all - unshared < kBig) return "";
  return fmt::format("this takes {} of the disk; `--link-mode shared-binaries` would take {}",
                     human_bytes(all), human_bytes(unshared));
}

TransactionResult apply(TransactionRequest request, const Environment& environment, Session& session) {
  request.link_mode = session.settings().link_mode;
  if (const std::string cost = disk_cost(request, request.link_mode);
      !cost.empty() && !(request.link_mode == LinkMode::Auto && clones_files(environment.private_folder())))
    session.output().say(cost);
  request.compile = session.settings().compile;
  request.strict_files = session.settings().strict_files;
  request.durable = session.settings().durable;
  request.reason = session.command_line();
  return apply_transaction(request, environment, session.store(), session.workers(), session.reporter(),
                           session.command_line());
}

}  // namespace moat
