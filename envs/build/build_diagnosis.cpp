// Line by line, table by table: the first error of a build is the one that matters, so hints come in the
// order of the output.
#include "envs/build/build_diagnosis.h"

#include "envs/build/system_packages.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace moat {
namespace {

// Packages that no longer support what older setup.py files ask of them.
struct Outdated {
  std::string_view said;
  std::string_view asks;
  std::string_view constraint;
};
constexpr Outdated kOutdated[] = {
    {"use_2to3 is invalid", "it asks setuptools to translate Python 2", "setuptools<58"},
    {"No module named 'pkg_resources'", "it uses pkg_resources, which setuptools no longer brings",
     "setuptools<81"},
    {"cannot import name 'Feature' from 'setuptools'", "it was written for an old setuptools",
     "setuptools<46"},
    {"module 'setuptools' has no attribute 'Feature'", "it was written for an old setuptools",
     "setuptools<46"},
    {"No module named 'setuptools.command.test'", "it was written for an old setuptools", "setuptools<72"},
    {"cannot import name 'test' from 'setuptools.command'", "it was written for an old setuptools",
     "setuptools<72"},
    {"Invalid dash-separated", "its setup.cfg is written for an old setuptools", "setuptools<78"},
    {"No module named 'setuptools.extern", "it was written for an old setuptools", "setuptools<71"},
    {"invalid command 'bdist_wheel'", "it was written for a setuptools with a separate wheel",
     "setuptools<70"},
    {"No module named 'numpy.distutils'", "it was written for an old numpy", "numpy<1.26"},
    {"Cython.Compiler.Errors.CompileError", "its Cython code may be older than Cython 3", "Cython<3"},
};

// Modules that a Python no longer has.
struct Removed {
  std::string_view module;
  unsigned minor;
};
constexpr Removed kRemoved[] = {{"asynchat", 12}, {"asyncore", 12}, {"cgi", 13},      {"crypt", 13},
                                {"imp", 12},      {"lib2to3", 13},  {"parser", 10},   {"pipes", 13},
                                {"smtpd", 12},    {"symbol", 10},   {"telnetlib", 13}};

std::optional<std::string_view> between(std::string_view line, std::string_view before,
                                        std::string_view after) {
  const std::size_t begin = line.find(before);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view rest = line.substr(begin + before.size());
  const std::size_t end = after.empty() ? rest.size() : rest.find(after);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return rest.substr(0, end);
}

bool holds(std::string_view line, std::string_view part) { return line.find(part) != std::string_view::npos; }

// `x86_64-linux-gnu-gcc-12`, `/usr/bin/gcc`, `gcc'`: the program's name for an installer.
std::string plain_program(std::string_view text) {
  text = text.substr(text.rfind('/') == std::string_view::npos ? 0 : text.rfind('/') + 1);
  for (const std::string_view triplet : {"x86_64-linux-gnu-", "aarch64-linux-gnu-", "arm-linux-gnueabihf-"})
    if (text.starts_with(triplet)) text.remove_prefix(triplet.size());
  const std::size_t dash = text.rfind('-');
  if (dash != std::string_view::npos && dash + 1 < text.size() &&
      std::all_of(text.begin() + static_cast<std::ptrdiff_t>(dash) + 1, text.end(), is_ascii_digit))
    text = text.substr(0, dash);
  return std::string(text);
}

std::string install(std::string_view package) {
  return fmt::format("`apt install {}` (Debian, Ubuntu)", package);
}

std::optional<std::string> missing_header(std::string_view line) {
  auto header = between(line, "fatal error: ", ": No such file");
  if (!header) header = between(line, "fatal error: '", "' file not found");
  if (!header) return std::nullopt;
  if (*header == "longintrepr.h")
    return "its C code is older than this Python: try a newer version of the package, or `--python 3.10`";
  const auto package = package_of_header(*header);
  if (!package)
    return fmt::format("it needs the header {}: `apt-file search {}` names the package", quote(*header),
                       *header);
  return fmt::format("it needs the header {}: {}", *header, install(*package));
}

std::optional<std::string> needs_program(std::string_view text, const BuildFacts& facts) {
  const std::string program = plain_program(text);
  if (const auto own = facts.hidden.find(program); own != facts.hidden.end())
    return fmt::format(
        "it needs the program {0}, and builds do not see {1}: that folder of PATH also has a Python; "
        "`ln -s {1} FOLDER/{0}` makes it visible, with a FOLDER of PATH that has no Python",
        program, own->second);
  const auto package = package_of_program(program);
  if (!package) return std::nullopt;
  return fmt::format("it needs the program {}: {}", program, install(*package));
}

// The names that are tried one after another, each in the way some tool says "there is no such program".
std::optional<std::string> missing_program(std::string_view line, const BuildFacts& facts) {
  constexpr std::pair<std::string_view, std::string_view> kSaid[] = {
      {"error: command '", "' failed: No such file"},
      {"error: command '", "' failed: None"},
      {"unable to execute '", "': No such file"},
      {"No such file or directory: '", "'"},
      {"Program '", "' not found"},
      {"Command '", "' not found"},
      {"could not find program `", "`"},
  };
  for (const auto& [before, after] : kSaid)
    if (const auto program = between(line, before, after))
      if (auto hint = needs_program(*program, facts)) return hint;
  // sh: 1: gcc: not found; bash: line 1: gcc: command not found; make: gcc: No such file or directory
  for (const std::string_view ending : {": not found", ": command not found", ": No such file or directory",
                                        " executable not found", " is not installed"}) {
    const std::size_t end = line.find(ending);
    if (end == std::string_view::npos) continue;
    const std::string_view head = line.substr(0, end);
    const std::size_t begin = head.find_last_of(" :'\"`");
    if (auto hint = needs_program(begin == std::string_view::npos ? head : head.substr(begin + 1), facts))
      return hint;
  }
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"can't find Rust compiler", "cargo"},
      {"Rust toolchain not found", "cargo"},
      {"the Rust package manager, is not installed", "cargo"},
      {"Unknown compiler(s): [['cc']", "gcc"},
      {"Unknown compiler(s): [['c++']", "g++"},
      {"Unknown compiler(s): [['gfortran']", "gfortran"},
      {"No CMAKE_C_COMPILER could be found", "gcc"},
      {"No CMAKE_CXX_COMPILER could be found", "g++"},
      {"No CMAKE_Fortran_COMPILER could be found", "gfortran"},
      {"CMake must be installed", "cmake"},
      {"Could not find CMake", "cmake"},
      {"CMake was unable to find a build program corresponding to \"Ninja\"", "ninja"},
      {"CMake was unable to find a build program corresponding to \"Unix Makefiles\"", "make"},
      {"Could not detect Ninja", "ninja"},
      {"Did not find pkg-config by name", "pkg-config"},
      {"Pkg-config for machine host machine not found", "pkg-config"},
      {"pkg-config is not installed", "pkg-config"},
      {"pg_config executable not found", "pg_config"},
      {"mysql_config not found", "mysql_config"},
      {"Can not find valid pkg-config name", "mysql_config"},
      {"error trying to exec 'cc1plus'", "g++"},
      {"Please make sure the libxml2 and libxslt development packages are installed", "xslt-config"},
  };
  for (const auto& [said, program] : kWords)
    if (holds(line, said)) return needs_program(program, facts);
  return std::nullopt;
}

std::optional<std::string> needs_library(std::string_view said) {
  const std::string_view library = said.substr(0, said.find_first_of(": "));
  if (library.empty()) return std::nullopt;
  if (const auto package = package_of_library(library))
    return fmt::format("it needs the library {}: {}", library, install(*package));
  return fmt::format(
      "it needs the library {}: on Debian and Ubuntu `apt-cache search {}` finds its -dev package", library,
      library);
}

std::optional<std::string> missing_library(std::string_view line) {
  constexpr std::pair<std::string_view, std::string_view> kSaid[] = {
      {"cannot find -l", ""},
      {"No package '", "' found"},
      {"Package '", "', required by"},
      {"Package ", " was not found in the pkg-config search path"},
      {"ERROR: Dependency \"", "\" not found"},
  };
  for (const auto& [before, after] : kSaid)
    if (const auto found = between(line, before, after))
      if (auto hint = needs_library(*found)) return hint;
  return std::nullopt;
}

// meson reports everything that it looked for, including optional things.
std::optional<std::string> looked_for(std::string_view line, const BuildFacts& facts) {
  if (const auto program = between(line, "Program ", " found: NO")) return needs_program(*program, facts);
  if (const auto library = between(line, "Run-time dependency ", " found: NO"))
    return needs_library(*library);
  return std::nullopt;
}

std::string constrained(std::string_view asks, std::string_view constraint) {
  return fmt::format("{}: `--build-constraint FILE` with a line `{}` in FILE", asks, constraint);
}

std::optional<std::string> missing_module(std::string_view line, const BuildFacts& facts) {
  const auto name = between(line, "No module named '", "'");
  if (!name) return std::nullopt;
  const std::string_view top = name->substr(0, name->find('.'));
  if (top == "distutils" && facts.python_minor >= 12)
    return fmt::format("it uses distutils, which Python 3.12 removed: try `--python 3.11`");
  for (const Removed& removed : kRemoved)
    if (top == removed.module && facts.python_minor >= removed.minor)
      return fmt::format("it uses the module {}, which Python 3.{} removed: try `--python 3.{}`", top,
                         removed.minor, removed.minor - 1);
  if (!facts.isolated)
    return fmt::format(
        "with --no-build-isolation the environment must hold what builds need: `moat install {}`", top);
  return fmt::format(
      "it uses {} and does not declare it as a build requirement: `moat install {}`, then try "
      "again with `--no-build-isolation`",
      top, top);
}

std::optional<std::string> other_trouble(std::string_view line, const BuildFacts& facts) {
  constexpr std::string_view kNoNetwork[] = {"Temporary failure in name resolution",
                                             "Network is unreachable",
                                             "Could not resolve host",
                                             "Name or service not known",
                                             "getaddrinfo failed",
                                             "failed to download from"};
  if (!facts.network)
    for (const std::string_view said : kNoNetwork)
      if (holds(line, said))
        return "it wants the network, which builds do not get: `--build-network` opens it";
  if (holds(line, "No space left on device")) return "the disk is full: `moat store prune` frees some";
  if (holds(line, "Killed signal terminated program"))
    return "the compiler ran out of memory: try again with MAKEFLAGS=-j1";
  if (holds(line, "was unable to detect version for") || holds(line, "unable to detect version"))
    return "it takes its version from git, and there is no history here: set "
           "SETUPTOOLS_SCM_PRETEND_VERSION=VERSION";
  return std::nullopt;
}

std::optional<std::string> outdated(std::string_view line) {
  for (const Outdated& one : kOutdated)
    if (holds(line, one.said)) return constrained(one.asks, one.constraint);
  return std::nullopt;
}

constexpr std::size_t kMostHints = 3;
constexpr std::size_t kLongestLine = 2000;

}  // namespace

std::vector<std::string> diagnose_build(std::string_view output, const BuildFacts& facts) {
  std::vector<std::string> hints;
  const auto look = [&](const auto& rule) {
    for (const std::string_view line : split_lines(output)) {
      std::optional<std::string> hint = rule(line.substr(0, kLongestLine));
      if (!hint || std::find(hints.begin(), hints.end(), *hint) != hints.end()) continue;
      hints.push_back(std::move(*hint));
      if (hints.size() == kMostHints) return;
    }
  };
  look([&](std::string_view line) {
    std::optional<std::string> hint = missing_header(line);
    if (!hint) hint = outdated(line);
    if (!hint) hint = missing_module(line, facts);
    if (!hint) hint = missing_program(line, facts);
    if (!hint) hint = missing_library(line);
    if (!hint) hint = other_trouble(line, facts);
    return hint;
  });
  if (hints.empty()) look([&](std::string_view line) { return looked_for(line, facts); });
  return hints;
}

}  // namespace moat
