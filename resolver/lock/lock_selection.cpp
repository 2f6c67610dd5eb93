// Which parts of a lock a target installs.
#include "resolver/base/text.h"
#include "resolver/lock/lockfile.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

std::string tags_of(const LockedPackage& package) {
  std::set<std::string> tags;
  for (const LockedFile& wheel : package.wheels)
    if (const Expected<WheelFilename> name = WheelFilename::parse(wheel.name))
      for (const Tag& tag : name->tags) tags.insert(tag.to_string());
  std::vector<std::string> shown(tags.begin(), tags.end());
  constexpr std::size_t kMost = 6;
  if (shown.size() > kMost) {
    const std::size_t rest = shown.size() - kMost;
    shown.resize(kMost);
    shown.push_back(fmt::format("{} more", rest));
  }
  return fmt::format("{}", fmt::join(shown, ", "));
}

const LockedFile* best_wheel(const LockedPackage& package, const Target& target) {
  const LockedFile* best = nullptr;
  std::pair<std::size_t, BuildTag> best_rank;
  for (const LockedFile& wheel : package.wheels) {
    const Expected<WheelFilename> name = WheelFilename::parse(wheel.name);
    if (!name) continue;
    const std::optional<std::size_t> rank = target.tags.rank(name->tags);
    if (!rank) continue;
    const bool better = best == nullptr || *rank < best_rank.first ||
                        (*rank == best_rank.first && name->build > best_rank.second);
    if (!better) continue;
    best = &wheel;
    best_rank = {*rank, name->build};
  }
  return best;
}

// Unknown names are errors: a typo would install less than the user meant.
template <class Name>
void check_offered(const std::set<Name>& asked, const std::vector<Name>& offered, std::string_view kind) {
  for (const Name& name : asked) {
    if (std::find(offered.begin(), offered.end(), name) != offered.end()) continue;
    std::vector<std::string> known;
    for (const Name& one : offered) known.push_back(one.display());
    throw Error(ErrorKind::Usage,
                fmt::format("the lock has no {} {}{}", kind, quote(name.display()),
                            known.empty() ? "" : fmt::format("; it has {}", fmt::join(known, ", "))));
  }
}

void check_target(const Pylock& lock, const Target& target) {
  if (lock.requires_python && !lock.requires_python->contains(target.python))
    throw Error(ErrorKind::NoSolution, fmt::format("the lock requires Python {}, and this is {}",
                                                   lock.requires_python->to_string(), target.description));
  const bool any = std::any_of(lock.environments.begin(), lock.environments.end(),
                               [&](const Marker& marker) { return marker.evaluate(target.environment); });
  if (lock.has_environments && !any)
    throw Error(
        ErrorKind::NoSolution,
        fmt::format("the lock is not for {}: none of its `environments` holds here", target.description),
        {"`moat lock --universal` makes a lock for other platforms and implementations of Python too"});
}

SelectedPackage select_file(const LockedPackage& package, const Target& target) {
  if (package.requires_python && !package.requires_python->contains(target.python))
    throw Error(ErrorKind::NoSolution,
                fmt::format("{} requires Python {}, and this is {}", package.name.normalized(),
                            package.requires_python->to_string(), target.description));
  if (package.direct) {
    const bool archive = package.direct->kind == DirectSourceKind::Archive;
    return {&package, archive ? &package.direct->archive : nullptr};
  }
  const LockedFile* wheel = best_wheel(package, target);
  if (wheel == nullptr && !package.sdist)
    throw Error(ErrorKind::NoSolution,
                fmt::format("the lock has no wheel of {} {} for {} (it has {})", package.name.normalized(),
                            package.version ? package.version->to_string() : "", target.description,
                            tags_of(package)));
  return {&package, wheel != nullptr ? wheel : &*package.sdist};
}

}  // namespace

void check_conflicts(const Pylock& lock, const std::set<ExtraName>& extras,
                     const std::set<GroupName>& groups) {
  if (!lock.inputs) return;
  std::set<std::string> chosen;
  for (const ExtraName& extra : extras) chosen.insert("extra " + extra.normalized());
  for (const GroupName& group : groups) chosen.insert("group " + group.normalized());
  for (const std::vector<std::string>& conflict : lock.inputs->conflicts) {
    std::vector<std::string> both;
    for (const std::string& one : conflict)
      if (chosen.contains(one)) both.push_back(fmt::format("the {}", one));
    if (both.size() > 1)
      throw Error(ErrorKind::Usage,
                  fmt::format("{} exclude each other (`conflicts` under [tool.moat])", join(both, " and ")),
                  {"choose one of them; `--no-default-groups` leaves out those that nobody named"});
  }
}

std::vector<SelectedPackage> select_packages(const Pylock& lock, const Target& target,
                                             const std::set<ExtraName>& extras,
                                             const std::optional<std::set<GroupName>>& groups) {
  std::set<GroupName> default_groups;
  std::vector<std::string> defaults = lock.default_groups;
  if (lock.inputs)
    defaults.insert(defaults.end(), lock.inputs->default_groups.begin(), lock.inputs->default_groups.end());
  for (const std::string& text : defaults)
    if (const Expected<GroupName> group = GroupName::parse(text)) default_groups.insert(*group);
  std::vector<GroupName> offered = lock.dependency_groups;
  offered.insert(offered.end(), default_groups.begin(), default_groups.end());
  check_offered(extras, lock.extras, "extra");
  check_offered(groups.value_or(std::set<GroupName>()), offered, "dependency group");
  check_target(lock, target);
  const std::set<GroupName> chosen_groups = groups.value_or(default_groups);
  check_conflicts(lock, extras, chosen_groups);
  std::vector<SelectedPackage> out;
  std::set<PackageName> seen;
  for (const LockedPackage& package : lock.packages) {
    if (package.marker && !package.marker->evaluate(target.environment, extras, chosen_groups)) continue;
    if (!seen.insert(package.name).second)
      throw Error(ErrorKind::BadInput, fmt::format("the lock has two entries of {} for {}",
                                                   package.name.normalized(), target.description));
    out.push_back(select_file(package, target));
  }
  return out;
}

}  // namespace moat
