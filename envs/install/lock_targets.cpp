#include "envs/install/lock_targets.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace moat {
namespace {

// The newest Python that indexes have wheels for. Later ones may use a lock, but are not checked.
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

constexpr std::uint64_t kLastMicro = 40;  // no Python has had more releases

// The first release of it that the specifier admits; "" where there is none.
std::string first_release(const SpecifierSet& requires_python, const PythonMinor& minor) {
  for (std::uint64_t micro = 0; micro <= kLastMicro; ++micro)
    if (const Version release = Version::of({minor.major, minor.minor, micro});
        requires_python.contains(release))
      return release.to_string();
  return "";
}

bool admits(const SpecifierSet& requires_python, const PythonMinor& minor) {
  return !first_release(requires_python, minor).empty();
}

// Newest first. Without a lower bound, starting with the Python here.
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

// ">=3.10,<3.13"; a release that was named leaves out those before it: "3.14.2" gives ">=3.14.2", or next to
// older Pythons "!=3.14.0,!=3.14.1".
SpecifierSet specifier_of(const std::vector<PythonMinor>& pythons, const std::vector<std::string>& named) {
  const PythonMinor oldest = pythons.back(), after{pythons.front().major, pythons.front().minor + 1};
  std::map<PythonMinor, std::uint64_t> first;  // the lowest named release of each
  for (const std::string& text : named) {
    const std::uint64_t micro =
        std::min(Version::parse(text)->release_at(2).as_uint64().value_or(0), kLastMicro);
    const auto [at, is_new] = first.emplace(parse_minor(text), micro);
    if (!is_new) at->second = std::min(at->second, micro);
  }
  std::string lower = oldest.to_string(), left_out;
  for (const auto& [minor, micro] : first) {
    if (minor == oldest && micro > 0) lower = fmt::format("{}.{}", minor.to_string(), micro);
    for (std::uint64_t earlier = 0; minor != oldest && earlier < micro; ++earlier)
      left_out += fmt::format(",!={}.{}", minor.to_string(), earlier);
  }
  return SpecifierSet::parse(fmt::format(">={},<{}{}", lower, after.to_string(), left_out)).value();
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

Error told_apart_by_nothing(const std::string& one, const std::string& other) {
  return {ErrorKind::Usage,
          fmt::format("the targets {} and {} are one platform to markers, and a lock cannot tell them apart",
                      one, other),
          {"leave one of them out, or lock it into a file of its own: -o pylock.NAME.toml"}};
}

Target named_target(const std::string& platform, const std::string& release) {
  Expected<Target> target = foreign_target(release, {platform}, nullptr);
  if (!target)
    throw Error(ErrorKind::Usage, fmt::format("target {}: {}", quote(platform), target.error().message));
  return std::move(*target);
}

void add_targets(LockSpace& space) {
  std::vector<std::pair<std::string, MarkerEnvironment>> seen;
  for (const PythonMinor& python : space.pythons)
    for (const std::string& platform : space.platforms) {
      Target target = named_target(platform, first_release(space.requires_python, python));
      if (python == space.pythons.front()) {
        for (const auto& [name, environment] : seen)
          if (same_platform(environment, target.environment)) throw told_apart_by_nothing(name, platform);
        seen.emplace_back(platform, target.environment);
      }
      space.targets.push_back({platform, std::move(target)});
    }
}

// This machine with a Python; accepts files for exactly this machine. The facts about its system do not go
// into a lock.
Target target_here(const Interpreter& here, const std::string& release) {
  Target target = foreign_target(release, {}, &here).value();
  target.environment.platform_release = target.environment.platform_version = "";
  if (target.environment.python_version == here.major_minor()) target.tags = target_of(here).tags;
  return target;
}

// Every target except this machine with this Python may be left out. If this machine is not among the
// targets, the first one is required.
void add_default_targets(LockSpace& space, const Interpreter& here) {
  const std::string this_platform = platform_here(here);
  for (const PythonMinor& python : space.pythons)
    for (const std::string& platform : space.platforms) {
      const std::string release = first_release(space.requires_python, python);
      const bool is_here = here.implementation == "cpython" && platform == this_platform;
      space.targets.push_back({platform,
                               is_here ? target_here(here, release) : named_target(platform, release),
                               !is_here || python.to_string() != here.major_minor()});
    }
  if (std::ranges::all_of(space.targets, &LockTarget::may_be_left_out))
    space.targets.front().may_be_left_out = false;
}

// This machine, the usual ones, and those of the existing lock that markers can tell from them.
std::vector<std::string> default_platforms(const Interpreter& here, const Pylock* earlier) {
  std::vector<std::string> out;
  std::vector<MarkerEnvironment> seen;
  const auto add = [&](const std::string& platform) {
    const Expected<Target> target = foreign_target(here.major_minor(), {platform}, nullptr);
    if (!target || std::any_of(seen.begin(), seen.end(), [&](const MarkerEnvironment& one) {
          return same_platform(one, target->environment);
        }))
      return;
    seen.push_back(target->environment);
    out.push_back(platform);
  };
  for (const std::string& platform : usual_platforms()) add(platform);
  add(platform_here(here));
  if (earlier != nullptr && earlier->inputs)
    for (const std::string& platform : earlier->inputs->targets) add(platform);
  return out;
}

// Without requires-python: this Python and newer ones; older ones in the existing lock stay.
SpecifierSet default_pythons(const Interpreter& here, const Pylock* earlier) {
  if (earlier != nullptr && earlier->inputs && earlier->requires_python &&
      earlier->requires_python->contains(target_of(here).python))
    return *earlier->requires_python;
  return SpecifierSet::parse(">=" + here.major_minor()).value();
}

// Those of the lock, if requires-python has no lower bound.
std::vector<PythonMinor> admitted_pythons(const SpecifierSet& requires_python, const Interpreter& here,
                                          const Pylock* earlier) {
  std::vector<PythonMinor> out = admitted_pythons(requires_python, here);
  if (!admits(requires_python, {3, 0}) || earlier == nullptr || !earlier->inputs ||
      earlier->requires_python.value_or(SpecifierSet()) != requires_python)
    return out;
  for (const PythonMinor& python : named_pythons(earlier->inputs->pythons))
    if (python < out.back()) out.push_back(python);
  return out;
}

// The Pythons that were named.
void take_named_pythons(LockSpace& space, const TargetsAsked& asked) {
  const std::optional<SpecifierSet>& requires_python = asked.requires_python;
  space.pythons = named_pythons(asked.python_versions);
  space.requires_python = specifier_of(space.pythons, asked.python_versions);
  if (requires_python) space.requires_python = space.requires_python.intersected(*requires_python);
  for (const PythonMinor& python : space.pythons)
    if (requires_python && !admits(*requires_python, python))
      throw Error(ErrorKind::NoInterpreter,
                  fmt::format("the project requires Python {}, and the lock would also be for {}",
                              requires_python->to_string(), python.to_string()));
}

void take_pythons(LockSpace& space, const TargetsAsked& asked, const Interpreter& here,
                  const Pylock* earlier) {
  if (!asked.python_versions.empty()) return take_named_pythons(space, asked);
  const std::optional<SpecifierSet>& requires_python = asked.requires_python;
  if (requires_python && !requires_python->empty()) {
    space.requires_python = *requires_python;
  } else if (space.is_universal || asked.is_for_all) {
    space.requires_python = default_pythons(here, asked.is_for_all ? earlier : nullptr);
  } else {
    space.pythons = {{here.major, here.minor}};
    space.requires_python = SpecifierSet::parse("==" + here.major_minor() + ".*").value();
    return;
  }
  space.pythons = admitted_pythons(space.requires_python, here, asked.is_for_all ? earlier : nullptr);
  if (space.pythons.empty())
    throw Error(ErrorKind::NoInterpreter,
                fmt::format("no Python up to 3.{} meets requires-python {}",
                            std::max(kNewestMinor, here.minor), space.requires_python.to_string()));
}

// The lock of others, who have other machines or another implementation of Python: it stays theirs.
bool is_of_others(const Pylock& lock, const Interpreter& here) {
  const MarkerEnvironment environment = target_of(here).environment;
  return lock.inputs && lock.has_environments &&
         std::ranges::none_of(lock.environments,
                              [&](const Marker& marker) { return marker.evaluate(environment); });
}

// The tables do not say what other implementations, and rare machines, install.
LockSpace space_of_rare(const Interpreter& here) {
  LockSpace space;
  space.platforms = {platform_here(here)};
  space.pythons = {{here.major, here.minor}};
  space.requires_python = SpecifierSet::parse("==" + here.major_minor() + ".*").value();
  Target target = target_of(here);
  target.environment.platform_release = target.environment.platform_version = "";
  space.targets.push_back({space.platforms.front(), std::move(target)});
  return space;
}

}  // namespace

std::optional<LockSpace> lock_space(const TargetsAsked& asked, const Interpreter& here,
                                    const Pylock* earlier) {
  const bool names_several = asked.platforms.size() > 1 || asked.python_versions.size() > 1;
  const bool names_any = !asked.platforms.empty() || !asked.python_versions.empty();
  // A universal lock stays universal, just as platforms are kept, until other targets are named.
  const bool universal = asked.universal || (asked.is_for_all && !names_any && earlier != nullptr &&
                                             earlier->inputs && earlier->inputs->universal);
  const bool names_one = !names_several && names_any;
  if (!universal && !names_several && (!asked.is_for_all || names_one)) return std::nullopt;
  LockSpace space;
  space.is_universal = universal;
  const bool by_default = asked.is_for_all && asked.declared.empty() && !universal && !names_several;
  const bool is_rare =
      here.implementation != "cpython" || !foreign_target(here.major_minor(), {platform_here(here)}, nullptr);
  if (by_default && is_rare && (earlier == nullptr || !is_of_others(*earlier, here)))
    return space_of_rare(here);
  if (!asked.platforms.empty())
    space.platforms = asked.platforms;
  else if (asked.is_for_all && !asked.declared.empty())
    space.platforms = asked.declared;
  else if (universal)
    space.platforms = usual_platforms(), space.is_declared = false;
  else if (by_default)
    space.platforms = default_platforms(here, earlier), space.is_declared = false;
  else
    space.platforms = {platform_here(here)};
  take_pythons(space, asked, here, earlier);
  if (by_default)
    add_default_targets(space, here);
  else
    add_targets(space);
  return space;
}

}  // namespace moat
