#include "fetch/index/python_builds.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

namespace moat {
namespace {

struct Suffix {
  std::string_view text;
  TarFilter filter;
};
constexpr std::array kSuffixes = {Suffix{".tar.gz", TarFilter::Gzip}, Suffix{".tar.zst", TarFilter::Zstd},
                                  Suffix{".tar.bz2", TarFilter::Bzip2}, Suffix{".tar.xz", TarFilter::Xz}};

// Removes the archive suffix. Returns false if there is none.
bool take_suffix(std::string_view& name, TarFilter& filter) {
  for (const Suffix& suffix : kSuffixes)
    if (name.size() > suffix.text.size() && name.ends_with(suffix.text)) {
      name.remove_suffix(suffix.text.size());
      filter = suffix.filter;
      return true;
    }
  return false;
}

bool is_version_text(std::string_view text) {
  return !text.empty() && is_ascii_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_ascii_alnum(c) || c == '.'; });
}

// "3.12.7" → release; false where it is not a version.
bool take_version(std::string_view text, Version& version) {
  if (!is_version_text(text)) return false;
  Expected<Version> parsed = Version::parse(text);
  if (!parsed) return false;
  version = std::move(*parsed);
  return true;
}

// 3.12.7+20241016-x86_64-unknown-linux-gnu-freethreaded+pgo+lto-full
bool read_cpython(std::string_view rest, PythonBuild& build) {
  const std::size_t plus = rest.find('+');
  if (plus == std::string_view::npos || !take_version(rest.substr(0, plus), build.version)) return false;
  std::vector<std::string_view> parts = split(rest.substr(plus + 1), '-');
  // date, machine, vendor, system, libc, then what kind of build it is
  if (parts.size() < 6 || !is_version_text(parts[0])) return false;
  build.implementation = "cpython";
  build.release = parts[0];
  build.machine = parts[1];
  build.system = fmt::format("{}-{}", parts[3], parts[4]);
  bool installable = false;
  for (std::size_t i = 5; i < parts.size(); ++i)
    for (const std::string_view word : split(parts[i], '+')) {
      build.free_threaded = build.free_threaded || word == "freethreaded";
      build.debug = build.debug || word == "debug";
      build.stripped = build.stripped || word == "install_only_stripped";
      build.whole = build.whole || word == "full";
      installable =
          installable || word == "install_only" || word == "install_only_stripped" || word == "full";
      // Builds that cannot run on their own.
      if (word == "static") return false;
    }
  return installable;
}

// 3.10-v7.3.17-linux64
bool read_pypy(std::string_view rest, PythonBuild& build) {
  const std::vector<std::string_view> parts = split(rest, '-');
  if (parts.size() != 3 || !parts[1].starts_with('v') || !is_version_text(parts[1].substr(1))) return false;
  if (!take_version(parts[0], build.version)) return false;
  build.implementation = "pypy";
  build.release = parts[1].substr(1);
  build.machine = parts[2] == "linux64" ? "x86_64" : parts[2];
  build.system = "linux-gnu";
  return true;
}

Version number_of(const std::string& release) { return Version::parse(release).value_or(Version::of({0})); }

// The machine's name as the builds spell it.
std::string_view machine_name(std::string_view uname) { return uname == "armv7l" ? "armv7" : uname; }

bool runs_on(const PythonBuild& build, std::string_view machine, std::string_view system) {
  if (build.machine != machine_name(machine)) return false;
  return build.system == system || (system == "linux-gnu" && build.system == "linux-gnueabihf");
}

}  // namespace

std::string PythonBuild::install_name() const {
  std::string name = fmt::format("{}-{}{}{}", implementation, version.to_string(), free_threaded ? "t" : "",
                                 debug ? "d" : "");
  return implementation == "pypy" ? name + "-" + release : name;
}

std::optional<PythonBuild> parse_python_build(std::string_view filename) {
  constexpr std::string_view kCpython = "cpython-", kPypy = "pypy";
  PythonBuild build;
  build.filename = filename;
  std::string_view stem = filename;
  if (filename.find('/') != std::string_view::npos || !take_suffix(stem, build.filter)) return std::nullopt;
  const bool good = stem.starts_with(kCpython) ? read_cpython(stem.substr(kCpython.size()), build)
                    : stem.starts_with(kPypy)  ? read_pypy(stem.substr(kPypy.size()), build)
                                               : false;
  return good ? std::optional(std::move(build)) : std::nullopt;
}

std::vector<PythonBuild> parse_python_list(std::string_view sha256sums) {
  std::vector<PythonBuild> out;
  for (const std::string_view line : split_lines(sha256sums)) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    std::string_view name = trim(line.substr(space));
    if (name.starts_with('*')) name.remove_prefix(1);  // sha256sum --binary
    const Expected<Digest> digest = Digest::parse(fmt::format("sha256:{}", line.substr(0, space)));
    std::optional<PythonBuild> build = digest ? parse_python_build(name) : std::nullopt;
    if (!build) continue;
    build->sha256 = *digest;
    out.push_back(std::move(*build));
  }
  return out;
}

std::vector<PythonBuild> usable_builds(std::vector<PythonBuild> builds, std::string_view machine,
                                       std::string_view system) {
  std::erase_if(builds, [&](const PythonBuild& build) { return !runs_on(build, machine, system); });
  std::stable_sort(builds.begin(), builds.end(), [](const PythonBuild& a, const PythonBuild& b) {
    if (a.version != b.version) return a.version > b.version;
    const auto key = [](const PythonBuild& one) { return std::tuple(one.whole, !one.stripped); };
    if (a.release != b.release) return number_of(a.release) > number_of(b.release);
    return key(a) < key(b);
  });
  std::set<std::string> seen;
  std::erase_if(builds, [&](const PythonBuild& build) { return !seen.insert(build.install_name()).second; });
  return builds;
}

}  // namespace moat
