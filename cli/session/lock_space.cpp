#include "cli/session/lock_space.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace moat {
namespace {

// The newest Python that indexes have wheels for. A lock may be used with later ones; that is not proved.
constexpr unsigned kNewestMinor = 14;

const std::vector<std::string>& usual_platforms() {
  static const std::vector<std::string> kUsual = {"linux-x86_64", "linux-aarch64", "macos-arm64",
                                                  "windows-x86_64"};
  return kUsual;
}

PythonMinor parse_minor(const std::string& text) {
  const Expected<Version> version = Version::parse(text);
  const auto major = version ? version->release_at(0).as_uint64() : std::nullopt;
  const auto minor = version ? version->release_at(1).as_uint64() : std::nullopt;
  if (!major || !minor || version->release().size() < 2 || *major != 3 || *minor > 999)
    throw Error(ErrorKind::Usage,
                fmt::format("--python-version: {} is not a Python version, such as 3.12, as a lock for "
                            "several targets needs it",
                            quote(text)));
  return {static_cast<unsigned>(*major), static_cast<unsigned>(*minor)};
}

// The first release of it that the specifier admits; "" where there is none.
std::string first_release(const SpecifierSet& requires_python, const PythonMinor& minor) {
  constexpr std::uint64_t kLastMicro = 40;
  for (std::uint64_t micro = 0; micro <= kLastMicro; ++micro)
    if (const Version release = Version::of({minor.major, minor.minor, micro});
        requires_python.contains(release))
      return release.to_string();
  return "";
}

bool admits(const SpecifierSet& requires_python, const PythonMinor& minor) {
  return !first_release(requires_python, minor).empty();
}

// Newest first. Without a lower bound, from the Python here on.
std::vector<PythonMinor> admitted_pythons(const SpecifierSet& requires_python, const Interpreter& here) {
  const unsigned oldest = admits(requires_python, {3, 0}) ? here.minor : 0;
  std::vector<PythonMinor> out;
  for (unsigned minor = std::max(kNewestMinor, here.minor) + 1; minor-- > oldest;)
    if (admits(requires_python, {3, minor})) out.push_back({3, minor});
  return out;
}

std::vector<PythonMinor> named_pythons(const std::vector<std::string>& texts) {
  std::set<PythonMinor> named;
  for (const std::string& text : texts) named.insert(parse_minor(text));
  return {named.rbegin(), named.rend()};
}

// ">=3.10,<3.13".
SpecifierSet specifier_of(const std::vector<PythonMinor>& pythons) {
  const PythonMinor after{pythons.front().major, pythons.front().minor + 1};
  return SpecifierSet::parse(fmt::format(">={},<{}", pythons.back().to_string(), after.to_string())).value();
}

bool has_gap(const std::vector<PythonMinor>& pythons) {
  return pythons.front().minor - pythons.back().minor + 1 != pythons.size();
}

// This machine, by the name of its kind.
std::string platform_here(const Interpreter& here) {
  const MarkerEnvironment environment = target_of(here).environment;
  return "linux-" + environment.platform_machine;
}

bool same_platform(const MarkerEnvironment& a, const MarkerEnvironment& b) {
  return a.sys_platform == b.sys_platform && a.platform_machine == b.platform_machine &&
         a.os_name == b.os_name;
}

void add_targets(LockSpace& space) {
  std::vector<std::pair<std::string, MarkerEnvironment>> seen;
  for (const PythonMinor& python : space.pythons)
    for (const std::string& platform : space.platforms) {
      const std::string release = first_release(space.requires_python, python);
      Expected<Target> target = foreign_target(release, {platform}, nullptr);
      if (!target)
        throw Error(ErrorKind::Usage, fmt::format("target {}: {}", quote(platform), target.error().message));
      if (python == space.pythons.front()) {
        for (const auto& [name, environment] : seen)
          if (same_platform(environment, target->environment))
            throw Error(ErrorKind::Usage,
                        fmt::format("the targets {} and {} are one platform to markers, and a lock cannot "
                                    "tell them apart",
                                    name, platform),
                        {"leave one of them out, or lock it into a file of its own: -o pylock.NAME.toml"});
        seen.emplace_back(platform, target->environment);
      }
      space.targets.push_back({platform, std::move(*target)});
    }
}

}  // namespace

std::optional<LockSpace> lock_space(const LockCommand& command, bool of_project,
                                    const std::optional<SpecifierSet>& requires_python,
                                    const Interpreter& here, const Settings& settings) {
  const bool declared =
      of_project && !settings.targets.empty() && command.platforms.empty() && command.python_versions.empty();
  if (!command.universal && !declared && command.platforms.size() < 2 && command.python_versions.size() < 2)
    return std::nullopt;
  LockSpace space;
  space.is_universal = command.universal;
  if (!command.platforms.empty())
    space.platforms = command.platforms;
  else if (of_project && !settings.targets.empty())
    space.platforms = settings.targets;
  else if (command.universal)
    space.platforms = usual_platforms(), space.is_declared = false;
  else
    space.platforms = {platform_here(here)};
  if (!command.python_versions.empty()) {
    space.pythons = named_pythons(command.python_versions);
    space.requires_python = specifier_of(space.pythons);
    if (requires_python) space.requires_python = space.requires_python.intersected(*requires_python);
    for (const PythonMinor& python : space.pythons)
      if (requires_python && !admits(*requires_python, python))
        throw Error(ErrorKind::NoInterpreter,
                    fmt::format("the project requires Python {}, and the lock would also be for {}",
                                requires_python->to_string(), python.to_string()));
  } else if (requires_python && !requires_python->empty()) {
    space.pythons = admitted_pythons(*requires_python, here);
    space.requires_python = *requires_python;
    if (space.pythons.empty())
      throw Error(ErrorKind::NoInterpreter,
                  fmt::format("no Python up to 3.{} meets requires-python {}",
                              std::max(kNewestMinor, here.minor), requires_python->to_string()));
  } else if (command.universal) {
    space.requires_python = SpecifierSet::parse(">=" + here.major_minor()).value();
    space.pythons = admitted_pythons(space.requires_python, here);
  } else {
    space.pythons = {{here.major, here.minor}};
    space.requires_python = SpecifierSet::parse("==" + here.major_minor() + ".*").value();
  }
  add_targets(space);
  return space;
}

LockSpace lock_space(const LockedInputs& inputs, const SpecifierSet& requires_python) {
  LockSpace space;
  space.platforms = inputs.targets;
  space.pythons = named_pythons(inputs.pythons);
  space.requires_python = requires_python;
  space.is_universal = inputs.universal;
  add_targets(space);
  return space;
}

std::vector<Marker> environments_of(const LockSpace& space) {
  std::vector<Marker> out;
  if (space.is_universal) return out;
  std::string pythons;
  if (has_gap(space.pythons)) {
    std::vector<std::string> texts;
    for (auto python = space.pythons.rbegin(); python != space.pythons.rend(); ++python)
      texts.push_back(fmt::format("python_version == \"{}\"", python->to_string()));
    pythons = fmt::format(" and ({})", fmt::join(texts, " or "));
  }
  for (const LockTarget& one : space.targets) {
    if (one.target.environment.python_version != space.pythons.front().to_string()) continue;
    const MarkerEnvironment& there = one.target.environment;
    out.push_back(Marker::parse(fmt::format("sys_platform == \"{}\" and platform_machine == \"{}\" and "
                                            "implementation_name == \"{}\"{}",
                                            there.sys_platform, there.platform_machine,
                                            there.implementation_name, pythons),
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

}  // namespace

std::vector<std::string> unproved(const Pylock& lock, const LockSpace& space, bool may_build) {
  const std::set<ExtraName> extras(lock.extras.begin(), lock.extras.end());
  const std::set<GroupName> groups(lock.dependency_groups.begin(), lock.dependency_groups.end());
  std::vector<std::string> out;
  std::map<std::string, std::vector<std::string>> lacking;  // by what is said: the targets
  for (const LockTarget& one : space.targets) {
    const MarkerEnvironment& there = one.target.environment;
    std::set<PackageName> seen;
    for (const LockedPackage& package : lock.packages) {
      if (package.marker && !package.marker->evaluate(there, extras, groups)) continue;
      const std::string shown =
          package.name.display() + (package.version ? " " + package.version->to_string() : "");
      const std::string where = fmt::format("{} with Python {}", one.name, there.python_version);
      if (!seen.insert(package.name).second)
        lacking[fmt::format("two versions of {}", package.name.display())].push_back(where);
      if (package.requires_python && !package.requires_python->contains(one.target.python))
        lacking[fmt::format("{} requires Python {}", shown, package.requires_python->to_string())].push_back(
            where);
      if (!has_file(package, one.target, may_build))
        lacking[fmt::format("{} has no file for it: {}{}", shown, files_of(package),
                            package.sdist ? ", and sources may not be built" : "")]
            .push_back(where);
    }
  }
  for (const auto& [what, where] : lacking) out.push_back(fmt::format("{}: {}", join(where, ", "), what));
  return out;
}

}  // namespace moat
