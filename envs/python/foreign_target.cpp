// Targets that need not exist here: everything comes from tables, the host is not consulted.
#include "envs/python/interpreter.h"
#include "resolver/base/text.h"

#include <array>

namespace moat {

namespace {

struct System {
  std::string_view platform_prefix, os_name, sys_platform, platform_system;
};
constexpr std::array kSystems = {
    System{"linux", "posix", "linux", "Linux"},
    System{"manylinux", "posix", "linux", "Linux"},
    System{"musllinux", "posix", "linux", "Linux"},
    System{"macos", "posix", "darwin", "Darwin"},
    System{"win", "nt", "win32", "Windows"},
    System{"android", "posix", "android", "Android"},
    System{"ios", "posix", "ios", "iOS"},
    System{"pyemscripten", "posix", "emscripten", "Emscripten"},
    System{"pyodide", "posix", "emscripten", "Emscripten"},
};

// As platform.machine() says it there, from the end of the platform's name.
std::string machine_of(std::string_view platform) {
  struct Machine {
    std::string_view suffix, name;
  };
  static constexpr std::array kMachines = {
      Machine{"win32", "x86"},       Machine{"win_amd64", "AMD64"},
      Machine{"win_arm64", "ARM64"}, Machine{"windows-x86_64", "AMD64"},
      Machine{"x86_64", "x86_64"},   Machine{"aarch64", "aarch64"},
      Machine{"arm64", "arm64"},     Machine{"i686", "i686"},
      Machine{"armv7l", "armv7l"},   Machine{"ppc64le", "ppc64le"},
      Machine{"ppc64", "ppc64"},     Machine{"s390x", "s390x"},
      Machine{"riscv64", "riscv64"}, Machine{"loongarch64", "loongarch64"},
      Machine{"wasm32", "wasm32"},
  };
  for (const Machine& machine : kMachines)
    if (platform.ends_with(machine.suffix)) return std::string(machine.name);
  return "";
}

const System* system_of(std::string_view platform) {
  for (const System& system : kSystems)
    if (platform.starts_with(system.platform_prefix)) return &system;
  return nullptr;
}

// Markers and platforms of the named platforms; several are one machine's, best first ("--platform a
// --platform b").
std::optional<ParseError> set_platforms(const std::vector<std::string>& names, MarkerEnvironment& markers,
                                        TagTarget& tags) {
  for (const std::string& name : names) {
    const auto platforms = platforms_of(name);
    if (!platforms) return platforms.error();
    tags.platforms.insert(tags.platforms.end(), platforms->begin(), platforms->end());
  }
  if (tags.platforms.empty())
    return ParseError{quote(names.front()) + " names no machine, so it is not known what markers mean there",
                      0};
  const std::string& first = tags.platforms.front();
  const System* system = system_of(first);
  if (!system) return ParseError{quote(names.front()) + " names no operating system that is known", 0};
  markers.os_name = system->os_name;
  markers.sys_platform = system->sys_platform;
  markers.platform_system = system->platform_system;
  markers.platform_machine = machine_of(first);
  return std::nullopt;
}

}  // namespace

Expected<Target> foreign_target(std::string_view python_version, const std::vector<std::string>& platforms,
                                const Interpreter* here) {
  TagTarget tags;
  tags.free_threaded = python_version.ends_with('t');
  if (tags.free_threaded) python_version.remove_suffix(1);
  const auto version = Version::parse(python_version);
  const auto major = version ? version->release_at(0).as_uint64() : std::nullopt;
  const auto minor = version ? version->release_at(1).as_uint64() : std::nullopt;
  if (!major || !minor || version->release().size() < 2 || *major != 3 || *minor > 999)
    return parse_error("a Python version is written like 3.12 or 3.12.1");
  tags.major = static_cast<unsigned>(*major);
  tags.minor = static_cast<unsigned>(*minor);

  MarkerEnvironment markers;
  if (!platforms.empty()) {
    if (auto failure = set_platforms(platforms, markers, tags)) return tl::unexpected(std::move(*failure));
  } else if (here) {
    markers = target_of(*here).environment;
    tags.platforms = here->tags.platforms;
  } else {
    return parse_error("a target without an interpreter needs a platform");
  }
  const auto micro = version->release_at(2);
  const std::string numbers = std::to_string(*major) + "." + std::to_string(*minor) + "." + micro.to_string();
  const auto numeric = Version::of({*major, *minor, micro});
  std::string full = numbers;
  if (version->is_prerelease()) full = version->to_string();
  markers.python_version = std::to_string(*major) + "." + std::to_string(*minor);
  markers.python_full_version = full;
  markers.implementation_version = full;
  markers.implementation_name = "cpython";
  markers.platform_python_implementation = "CPython";

  Target target{
      .environment = markers, .tags = TagSet(compatible_tags(tags)), .python = numeric, .description = ""};
  target.description = "CPython " + full + " on " + markers.sys_platform + " " + markers.platform_machine;
  if (!platforms.empty()) target.description += " (" + platforms.front() + ")";
  return target;
}

}  // namespace moat
