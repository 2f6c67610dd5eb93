#include "envs/install/make_lock.h"

#include "envs/install/kept_locks.h"
#include "envs/install/lock_hashes.h"
#include "resolver/lock/input_differences.h"
#include "resolver/lock/left_out_targets.h"
#include "resolver/lock/lock_worlds.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace moat {

namespace {

// The answer to the same question before, if its pages say the same now.
std::optional<LockDocument> kept_answer(const std::optional<std::string>& digest, const ResolveTools& with) {
  if (!digest) return std::nullopt;
  std::optional<KeptLock> kept = find_kept_lock(with.tools.store, *digest);
  if (!kept || !still_holds(*kept, with)) return std::nullopt;
  for (const std::string& note : kept->notes) with.tools.reporter.warn(note);
  return LockDocument(std::move(kept->text), kept->packages);
}

// A problem for one environment, as a request for many without any of them.
UniversalRequest request_for_one(const Target& target) {
  ResolveRequest one{.target = target};  // apart: GCC 12 takes one made in place for uninitialised
  return {.request = std::move(one), .roots = {}, .root_of = {}, .targets = {}, .preferences = {}};
}

}  // namespace

LockOutcome lock_for_one(const LockQuestion& question, const Target& target, const Interpreter& builder,
                         Goal& goal, const LockTools& with) {
  check_target(target, question.targets.requires_python);
  LockBuilds builds(target, builder, with);
  gather_for_one(question, target, builds, goal);
  // Hashes in the input are enforced, but missing ones are no error: the lock will contain them.
  goal.require_hashes = goal.file_options.require_hashes.value_or(false);
  builds.prepare(goal);
  const ResolveTools resolving = with.resolving(goal);
  const std::vector<std::string> groups = groups_from_lock(question);
  const std::optional<std::string> digest = digest_of({.goal = goal,
                                                       .policy = question.policy,
                                                       .request = request_for_one(target),
                                                       .terms = resolving.terms,
                                                       .inputs = {},
                                                       .locked_groups = groups,
                                                       .earlier = question.earlier});
  if (auto kept = kept_answer(digest, resolving)) return *std::move(kept);

  GoalOutcome outcome = resolve_goal(goal, question.policy, target, question.earlier.versions, resolving);
  if (auto* unmet = std::get_if<Unmet>(&outcome)) return std::move(*unmet);
  if (auto* unpinned = std::get_if<UnpinnedLines>(&outcome)) return std::move(*unpinned);
  Resolution& resolution = std::get<Resolution>(outcome);
  check_upgrades(question.policy, resolution, question.earlier.versions);
  for (const std::string& note : resolution.notes) with.reporter.warn(note);
  const bool may_keep = digest && may_be_kept(resolution);
  learn_missing_hashes(resolution, target, resolving.tools);

  Pylock lock =
      lock_resolution(resolution, target,
                      {.lock_directory = question.path.parent_path().native(), .editables = goal.editables});
  lock.locked_groups = groups;
  LockDocument document(std::move(lock));
  if (may_keep)
    keep_lock(
        resolving.tools.store, *digest,
        {std::move(resolution.pages), std::move(resolution.notes), document.packages(), document.text()},
        with.reporter);
  return document;
}

namespace {

// The packages of all targets, as for one target that accepts any file.
void learn_hashes(UniversalResolution& resolution, const Target& here, const Tools& tools) {
  Target anywhere = here;
  anywhere.tags = TagSet::anything();
  Resolution packages;
  for (UniversalPackage& one : resolution.packages) packages.packages.push_back(std::move(one.package));
  learn_missing_hashes(packages, anywhere, tools);
  for (std::size_t i = 0; i < packages.packages.size(); ++i)
    resolution.packages[i].package = std::move(packages.packages[i]);
}

// Files for other platforms are accepted only if all platforms are covered and none was named.
bool must_install(const LockSpace& space) { return space.is_declared || !space.is_universal; }

// From here on targets without an answer are left out of the lock.
void leave_out(LockSpace& space, const std::vector<LeftOutTarget>& left_out, const EarlierLock& earlier,
               Reporter& reporter) {
  for (const LeftOutTarget& one : left_out) space.left_out.insert(one.place);
  if (earlier.pylock && earlier.pylock->environments == environments_of(space)) return;  // reported before
  for (const std::string& warning : left_out_warnings(space, left_out)) reporter.warn(warning);
}

// Adds the versions in a lock for a choice of extras and groups; those that are there stay.
void add_versions(const Pylock& lock, const WorldChoice& choice, const MarkerEnvironment& environment,
                  std::map<PackageName, Version>& out) {
  for (const LockedPackage& package : lock.packages)
    if (package.version &&
        (!package.marker || package.marker->evaluate(environment, choice.extras, choice.groups)))
      out.emplace(package.name, *package.version);
}

// The versions chosen for another world, unless they are locked otherwise.
void prefer_also(UniversalRequest& request, const Pylock& chosen) {
  const WorldChoice all{{chosen.extras.begin(), chosen.extras.end()},
                        {chosen.dependency_groups.begin(), chosen.dependency_groups.end()}};
  request.preferences = [before = request.preferences, chosen, all](const MarkerEnvironment& environment) {
    std::map<PackageName, Version> out;
    if (before) out = before(environment);
    add_versions(chosen, all, environment, out);
    return out;
  };
}

// The request of one of the worlds, which prefers what is locked and what the world before got.
UniversalRequest request_of(const RootSet& world, const UniversalRequest& all, bool is_one_of_many,
                            const LockQuestion& question, const std::vector<Pylock>& before) {
  UniversalRequest one = all;
  if (is_one_of_many) one.only_roots = world;
  const ResolvePolicy& policy = question.policy;
  if (question.earlier.pylock && !policy.upgrade)
    one.preferences = [&lock = *question.earlier.pylock, &policy,
                       choice = choice_of(world, all.roots)](const MarkerEnvironment& environment) {
      std::map<PackageName, Version> out;
      add_versions(lock, choice, environment, out);
      for (const PackageName& name : policy.upgrade_packages) out.erase(name);
      return out;
    };
  if (!before.empty()) prefer_also(one, before.back());
  return one;
}

// The lock of all choices together, and whether it may answer the same question again.
struct LockedWorlds {
  Pylock lock;
  std::map<PackageName, std::string> pages;  // as UniversalResolution::pages
  std::vector<std::string> notes;
  bool may_be_kept = true;
};

// Each choice that `conflicts` allows is resolved separately; most projects have only one.
std::variant<LockedWorlds, Unmet> lock_worlds(const LockQuestion& question, LockSpace& space,
                                              const Goal& goal, const UniversalRequest& request,
                                              const std::vector<RootSet>& conflicts,
                                              const ResolveTools& with) {
  const std::vector<RootSet> worlds = worlds_of(request.roots.size(), conflicts);
  const Target here = target_of(question.interpreter);
  Reporter& reporter = with.tools.reporter;
  LockedWorlds out;
  std::vector<Pylock> locks;
  std::vector<LeftOutTarget> left_out;
  Resolution all;  // packages of every world
  for (const RootSet& world : worlds) {
    UniversalRequest one = request_of(world, request, worlds.size() > 1, question, locks);
    EverywhereOutcome outcome = resolve_everywhere(goal, question.policy, one, with);
    if (auto* unmet = std::get_if<Unmet>(&outcome)) return std::move(*unmet);
    UniversalResolution& resolution = std::get<UniversalResolution>(outcome);
    for (const std::string& note : resolution.notes) reporter.warn(note);
    out.notes.insert(out.notes.end(), resolution.notes.begin(), resolution.notes.end());
    out.may_be_kept = out.may_be_kept && may_be_kept(resolution);
    out.pages.merge(resolution.pages);
    for (const LeftOutTarget& target : resolution.left_out)
      if (std::none_of(left_out.begin(), left_out.end(),
                       [&](const LeftOutTarget& other) { return other.place == target.place; }))
        left_out.push_back(target);
    learn_hashes(resolution, here, with.tools);
    for (const UniversalPackage& package : resolution.packages) all.packages.push_back(package.package);
    locks.push_back(lock_universal(
        one, resolution,
        {.lock_directory = question.path.parent_path().native(), .editables = goal.editables}));
  }
  leave_out(space, left_out, question.earlier, reporter);
  check_upgrades(question.policy, all, question.earlier.versions);
  out.lock =
      worlds.size() == 1 ? std::move(locks.front()) : join_worlds(locks, worlds, conflicts, request.roots);
  return out;
}

}  // namespace

LockOutcome lock_for_all(const LockQuestion& question, LockSpace& space, Goal& goal, const LockTools& with) {
  const Target here = target_of(question.interpreter);
  LockBuilds builds(here, question.interpreter, with);
  RootedLines lines;
  LockedInputs inputs = gather_for_all(question, space, builds, here, goal, lines);
  goal.require_hashes = goal.file_options.require_hashes.value_or(false);
  builds.prepare(goal);

  ResolveRequest one{.target = here};  // apart: GCC 12 takes one made in place for uninitialised
  const UniversalRequest request{
      .request = std::move(one),
      .roots = lines.roots(),
      .root_of = lines.root_of(),
      .targets = space.targets,
      .targets_must_install = must_install(space),
      .everywhere = space.is_universal ? space.pythons : std::vector<PythonMinor>(),
      .requires_python = space.requires_python,
      .fewest_forks = question.fewest_forks,
      .preferences = {}};
  const ResolveTools resolving = with.resolving(goal);
  std::vector<std::string> groups;
  if (!question.of_project) groups = groups_from_lock(question);
  const std::optional<std::string> digest = digest_of({.goal = goal,
                                                       .policy = question.policy,
                                                       .request = request,
                                                       .terms = resolving.terms,
                                                       .inputs = inputs,
                                                       .locked_groups = groups,
                                                       .earlier = question.earlier});
  if (auto kept = kept_answer(digest, resolving)) return *std::move(kept);

  auto outcome = lock_worlds(question, space, goal, request,
                             conflicting_roots(inputs.conflicts, request.roots), resolving);
  if (auto* unmet = std::get_if<Unmet>(&outcome)) return std::move(*unmet);
  LockedWorlds& worlds = std::get<LockedWorlds>(outcome);
  Pylock& lock = worlds.lock;
  lock.locked_groups = std::move(groups);
  lock.environments = environments_of(space);
  lock.has_environments = !lock.environments.empty();
  lock.inputs = std::move(inputs);
  if (must_install(space))
    if (const auto lacking = unproved(lock, space, question.may_build); !lacking.empty())
      throw Error(ErrorKind::NoSolution, "the lock could not be installed on every target", {}, lacking);
  LockDocument document(std::move(lock));
  if (digest && worlds.may_be_kept)
    keep_lock(resolving.tools.store, *digest,
              {std::move(worlds.pages), std::move(worlds.notes), document.packages(), document.text()},
              with.reporter);
  return document;
}

std::vector<std::string> lock_faults(const LockQuestion& question, LockSpace space, Goal goal,
                                     const LockTools& with) {
  const Pylock& lock = *question.earlier.pylock;
  if (!space.is_declared) leave_out_excluded(space, lock);
  const Target here = target_of(question.interpreter);
  LockBuilds builds(here, question.interpreter, with);
  RootedLines lines;
  const LockedInputs now = gather_for_all(question, space, builds, here, goal, lines);
  std::vector<std::string> faults = input_differences(*lock.inputs, now);
  if (const SpecifierSet locked = lock.requires_python.value_or(SpecifierSet());
      locked != space.requires_python)
    faults.push_back(fmt::format("requires-python: locked for {}, now {}",
                                 locked.empty() ? "any" : locked.to_string(),
                                 space.requires_python.to_string()));
  if (faults.empty()) faults = gaps(lock, space);
  if (faults.empty() && must_install(space)) faults = unproved(lock, space, question.may_build);
  return faults;
}

}  // namespace moat
