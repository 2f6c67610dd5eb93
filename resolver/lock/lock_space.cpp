#include "resolver/lock/lock_space.h"

#include "resolver/base/text.h"
#include "resolver/lock/lock_gaps.h"
#include "resolver/lock/lock_worlds.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace moat {

std::vector<const LockTarget*> LockSpace::kept() const {
  std::vector<const LockTarget*> out;
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (!left_out.contains(i)) out.push_back(&targets[i]);
  return out;
}

void leave_out_excluded(LockSpace& space, const Pylock& lock) {
  if (!lock.has_environments) return;
  for (std::size_t i = 0; i < space.targets.size(); ++i)
    if (std::none_of(lock.environments.begin(), lock.environments.end(), [&](const Marker& marker) {
          return marker.evaluate(space.targets[i].target.environment);
        }))
      space.left_out.insert(i);
}

namespace {

bool has_gap(const std::vector<PythonMinor>& pythons) {
  return pythons.front().minor - pythons.back().minor + 1 != pythons.size();
}

PythonMinor minor_of(const MarkerEnvironment& environment) {
  const Version version = Version::parse(environment.python_version).value();
  return {static_cast<unsigned>(version.release_at(0).as_uint64().value()),
          static_cast<unsigned>(version.release_at(1).as_uint64().value())};
}

// ` and python_version >= "3.11"`: selects these of all Pythons of the lock, oldest first; "": all of them.
std::string told_by_markers(const std::set<PythonMinor>& some, const std::vector<PythonMinor>& all) {
  const std::vector<PythonMinor> newest_first(some.rbegin(), some.rend());
  if (has_gap(newest_first)) {
    std::vector<std::string> texts;
    for (const PythonMinor& python : some)
      texts.push_back(fmt::format("python_version == \"{}\"", python.to_string()));
    return fmt::format(" and ({})", fmt::join(texts, " or "));
  }
  std::string out;
  if (newest_first.back() != all.back())
    out += fmt::format(" and python_version >= \"{}\"", newest_first.back().to_string());
  if (newest_first.front() != all.front())
    out += fmt::format(" and python_version <= \"{}\"", newest_first.front().to_string());
  return out;
}

}  // namespace

std::vector<Marker> environments_of(const LockSpace& space) {
  std::vector<Marker> out;
  if (space.is_universal) return out;
  std::map<std::string, std::set<PythonMinor>> of_platform;
  for (const LockTarget* one : space.kept()) {
    of_platform[one->name].insert(minor_of(one->target.environment));
  }
  for (const std::string& platform : space.platforms) {
    const auto pythons = of_platform.find(platform);
    if (pythons == of_platform.end()) continue;
    const std::string with = told_by_markers(pythons->second, space.pythons);
    const auto one = std::find_if(space.targets.begin(), space.targets.end(),
                                  [&](const LockTarget& target) { return target.name == platform; });
    const MarkerEnvironment& there = one->target.environment;
    out.push_back(Marker::parse(fmt::format("sys_platform == \"{}\" and platform_machine == \"{}\" and "
                                            "implementation_name == \"{}\"{}",
                                            there.sys_platform, there.platform_machine,
                                            there.implementation_name, with),
                                MarkerContext::LockFile)
                      .value());
  }
  return out;
}

namespace {

std::string files_of(const LockedPackage& package) {
  std::vector<std::string> names;
  if (package.sdist) names.push_back(package.sdist->name);
  for (const LockedFile& wheel : package.wheels) names.push_back(wheel.name);
  constexpr std::size_t kMost = 4;
  const std::size_t count = names.size();
  if (count > kMost) {
    names.resize(kMost);
    names.push_back(fmt::format("{} more", count - kMost));
  }
  return names.empty() ? "no file" : join(names, ", ");
}

bool has_file(const LockedPackage& package, const Target& target, bool may_build) {
  if (package.direct) return true;
  if (package.sdist && may_build) return true;
  return std::any_of(package.wheels.begin(), package.wheels.end(), [&](const LockedFile& wheel) {
    const Expected<WheelFilename> name = WheelFilename::parse(wheel.name);
    return name && target.tags.rank(name->tags).has_value();
  });
}

// All extras and groups; if some exclude each other, each possible choice.
std::vector<WorldChoice> choices_of(const Pylock& lock) {
  std::vector<LockRoot> roots(1);  // the first is always asked for
  for (const ExtraName& extra : lock.extras) roots.push_back({LockRoot::Kind::Extra, extra.normalized()});
  for (const GroupName& group : lock.dependency_groups)
    roots.push_back({LockRoot::Kind::Group, group.normalized()});
  const std::vector<std::vector<std::string>> none;
  std::vector<WorldChoice> out;
  for (const RootSet& world :
       worlds_of(roots.size(), conflicting_roots(lock.inputs ? lock.inputs->conflicts : none, roots)))
    out.push_back(choice_of(world, roots));
  return out;
}

using Lacking = std::map<std::string, std::vector<std::string>>;  // by message: the targets

void note(Lacking& lacking, const std::string& what, const std::string& where) {
  std::vector<std::string>& places = lacking[what];
  if (places.empty() || places.back() != where) places.push_back(where);
}

std::string place_of(const LockTarget& target) {
  return fmt::format("{} with Python {}", target.name, target.target.environment.python_version);
}

void prove(const Pylock& lock, const LockTarget& target, const WorldChoice& choice, bool may_build,
           Lacking& lacking) {
  const MarkerEnvironment& there = target.target.environment;
  const std::string where = place_of(target);
  std::set<PackageName> seen;
  for (const LockedPackage& package : lock.packages) {
    if (package.marker && !package.marker->evaluate(there, choice.extras, choice.groups)) continue;
    const std::string shown =
        package.name.display() + (package.version ? " " + package.version->to_string() : "");
    if (!seen.insert(package.name).second)
      note(lacking, fmt::format("two versions of {}", package.name.display()), where);
    if (package.requires_python && !package.requires_python->contains(target.target.python))
      note(lacking, fmt::format("{} requires Python {}", shown, package.requires_python->to_string()), where);
    if (!has_file(package, target.target, may_build))
      note(lacking,
           fmt::format("{} has no file for it: {}{}", shown, files_of(package),
                       package.sdist ? ", and sources may not be built" : ""),
           where);
  }
}

// A message that applies to every target does not list them.
std::vector<std::string> told(const Lacking& lacking, std::size_t targets) {
  std::vector<std::string> out;
  for (const auto& [what, where] : lacking)
    out.push_back(targets > 1 && where.size() == targets ? what
                                                         : fmt::format("{}: {}", join(where, ", "), what));
  return out;
}

}  // namespace

std::vector<std::string> unproved(const Pylock& lock, const LockSpace& space, bool may_build) {
  Lacking lacking;
  const std::vector<WorldChoice> choices = choices_of(lock);
  for (const LockTarget* const target : space.kept())
    for (const WorldChoice& choice : choices) prove(lock, *target, choice, may_build, lacking);
  return told(lacking, space.kept().size());
}

std::vector<std::string> gaps(const Pylock& lock, const LockSpace& space) {
  Lacking lacking;
  const std::vector<WorldChoice> choices = choices_of(lock);
  for (const LockTarget* const target : space.kept())
    for (const WorldChoice& choice : choices)
      for (const std::string& line : unmet_lines(lock, target->target.environment, choice))
        note(lacking, line, place_of(*target));
  std::vector<std::string> out = told(lacking, space.kept().size());
  std::ranges::move(dangling_dependencies(lock), std::back_inserter(out));
  return out;
}

}  // namespace moat
