// Markers as sets of cells, beside an oracle that knows neither markers nor cells: random conditions are
// evaluated by hand in thousands of single environments.
#include "resolver/pep/marker_cells.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace moat {
namespace {

Marker marker(const std::string& text) { return Marker::parse(text).value(); }

MarkerEnvironment platform(const std::string& os, const std::string& sys, const std::string& system,
                           const std::string& machine, const std::string& python) {
  MarkerEnvironment out;
  out.os_name = os, out.sys_platform = sys, out.platform_system = system, out.platform_machine = machine;
  out.implementation_name = "cpython", out.platform_python_implementation = "CPython";
  out.python_version = python;
  return out;
}

EnvironmentSpace four_platforms(const std::vector<std::string>& pythons) {
  EnvironmentSpace space;
  for (const std::string& python : pythons) {
    space.named.push_back(platform("posix", "linux", "Linux", "x86_64", python));
    space.named.push_back(platform("posix", "linux", "Linux", "aarch64", python));
    space.named.push_back(platform("posix", "darwin", "Darwin", "arm64", python));
    space.named.push_back(platform("nt", "win32", "Windows", "AMD64", python));
  }
  return space;
}

std::string simplified(const EnvironmentSpace& space, const std::string& text) {
  MarkerAtoms atoms;
  atoms.add(marker(text));
  const MarkerCells cells(space, atoms);
  const CellSet where = cells.where(marker(text));
  if (where.empty()) return "nowhere";
  const std::optional<Marker> out = cells.marker_of(where);
  return out ? out->to_string() : "everywhere";
}

TEST(MarkerCells, SaysMarkersInShort) {
  const EnvironmentSpace space = four_platforms({"3.12", "3.11", "3.10"});
  const std::pair<const char*, const char*> kCases[] = {
      {"python_version >= '3.8'", "everywhere"},
      {"python_version < '3.8'", "nowhere"},
      {"sys_platform == 'win32' and platform_system == 'Linux'", "nowhere"},
      {"python_version < '3.12' and python_version < '3.11'", "python_version < \"3.11\""},
      {"os_name == 'nt'", "sys_platform == \"win32\""},
      {"sys_platform == 'linux'", "sys_platform == \"linux\""},
      {"sys_platform == 'linux' or sys_platform == 'darwin'", "sys_platform != \"win32\""},
      {"python_version == '3.11' or python_version == '3.12'", "python_version >= \"3.11\""},
      {"python_full_version < '3.11.3'", "python_full_version < \"3.11.3\""},
      {"python_full_version <= '3.11.0a6'", "python_version < \"3.11\""},
      {"python_version < '3.11' or sys_platform != 'win32'",
       "python_version < \"3.11\" or sys_platform != \"win32\""},
      {"platform_python_implementation == 'PyPy'", "nowhere"},
      {"platform_python_implementation != 'PyPy' and sys_platform != 'cygwin'", "everywhere"},
      {"python_version in '3.10 3.11'", "python_version < \"3.12\""},
      {"sys_platform == 'linux' and platform_machine != 'aarch64' and python_version >= '3.11'",
       "python_version >= \"3.11\" and platform_machine == \"x86_64\""},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(simplified(space, text), expected) << text;
}

TEST(MarkerCells, KeepsWhatOnlyTheWideWorldTellsApart) {
  EnvironmentSpace space;
  space.everywhere = {{3, 12}, {3, 11}};
  const std::pair<const char*, const char*> kCases[] = {
      {"sys_platform == 'cygwin'", "sys_platform == \"cygwin\""},
      {"sys_platform == 'win32' and platform_system == 'Linux'", "nowhere"},
      {"platform_python_implementation == 'PyPy'", "implementation_name == \"pypy\""},
      {"os_name == 'nt'", "sys_platform == \"win32\""},
      {"platform_machine == 'x86_64' or platform_machine != 'x86_64'", "everywhere"},
      {"platform_release >= '20.0'", "platform_release >= \"20.0\""},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(simplified(space, text), expected) << text;
}

TEST(MarkerCells, LeavesOutWhatRequiresPythonExcludes) {
  EnvironmentSpace space = four_platforms({"3.11", "3.10"});
  space.requires_python = SpecifierSet::parse(">=3.10.2").value();
  EXPECT_EQ(simplified(space, "python_full_version >= '3.10.2'"), "everywhere");
  EXPECT_EQ(simplified(space, "python_full_version < '3.10.2'"), "nowhere");
  EXPECT_EQ(simplified(space, "python_full_version < '3.10.5'"), "python_full_version < \"3.10.5\"");
}

// ---- the oracle

// A condition of its own: no text, no Marker.
struct Condition {
  enum class Kind { And, Or, Python, Full, Text } kind = Kind::Text;
  std::vector<Condition> parts;
  std::string op, variable, value;
  std::array<int, 3> version{};

  std::string text() const {
    switch (kind) {
      case Kind::And:
      case Kind::Or:
        return "(" + parts[0].text() + (kind == Kind::And ? " and " : " or ") + parts[1].text() + ")";
      case Kind::Python:
        return "python_version " + op + " '3." + std::to_string(version[1]) + "'";
      case Kind::Full:
        return "python_full_version " + op + " '3." + std::to_string(version[1]) + "." +
               std::to_string(version[2]) + "'";
      case Kind::Text:
        break;
    }
    return variable + " " + op + " '" + value + "'";
  }
};

struct Place {
  std::string os_name, sys_platform, platform_system, platform_machine, implementation_name;
  std::array<int, 3> python{};
};

bool compare(int order, const std::string& op) {
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  if (op == ">=") return order >= 0;
  return (op == "==") == (order == 0);
}

int sign(const std::array<int, 3>& a, const std::array<int, 3>& b) { return a < b ? -1 : a > b ? 1 : 0; }

bool holds(const Condition& condition, const Place& place) {
  switch (condition.kind) {
    case Condition::Kind::And:
      return holds(condition.parts[0], place) && holds(condition.parts[1], place);
    case Condition::Kind::Or:
      return holds(condition.parts[0], place) || holds(condition.parts[1], place);
    case Condition::Kind::Python:
      return compare(sign({3, place.python[1], 0}, {3, condition.version[1], 0}), condition.op);
    case Condition::Kind::Full:
      return compare(sign(place.python, condition.version), condition.op);
    case Condition::Kind::Text:
      break;
  }
  const std::string& here = condition.variable == "os_name"            ? place.os_name
                            : condition.variable == "sys_platform"     ? place.sys_platform
                            : condition.variable == "platform_system"  ? place.platform_system
                            : condition.variable == "platform_machine" ? place.platform_machine
                                                                       : place.implementation_name;
  return (condition.op == "==") == (here == condition.value);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
  std::string one_of(const std::vector<std::string>& values) {
    return values[static_cast<std::size_t>(below(static_cast<int>(values.size())))];
  }

  Condition condition(int depth) {
    Condition out;
    if (depth > 0 && below(4) != 0) {
      out.kind = below(2) == 0 ? Condition::Kind::And : Condition::Kind::Or;
      out.parts = {condition(depth - 1), condition(depth - 1)};
      return out;
    }
    const std::vector<std::string> orders = {"<", "<=", ">", ">=", "==", "!="};
    switch (below(4)) {
      case 0:
        out.kind = Condition::Kind::Python;
        out.op = one_of(orders);
        out.version = {3, 8 + below(6), 0};
        return out;
      case 1:
        out.kind = Condition::Kind::Full;
        out.op = one_of(orders);
        out.version = {3, 9 + below(4), below(5)};
        return out;
      default:
        break;
    }
    const std::pair<std::string, std::vector<std::string>> kTexts[] = {
        {"os_name", {"posix", "nt"}},
        {"sys_platform", {"linux", "darwin", "win32", "cygwin"}},
        {"platform_system", {"Linux", "Darwin", "Windows"}},
        {"platform_machine", {"x86_64", "aarch64", "arm64", "AMD64", "ppc64le"}},
        {"implementation_name", {"cpython", "pypy"}}};
    const auto& [variable, values] = kTexts[below(5)];
    out.variable = variable;
    out.value = one_of(values);
    out.op = below(2) == 0 ? "==" : "!=";
    return out;
  }

 private:
  std::mt19937_64 random_;
};

MarkerEnvironment environment_of(const Place& place) {
  MarkerEnvironment out = platform(place.os_name, place.sys_platform, place.platform_system,
                                   place.platform_machine, "3." + std::to_string(place.python[1]));
  out.python_full_version = out.python_version + "." + std::to_string(place.python[2]);
  out.implementation_name = place.implementation_name;
  out.platform_python_implementation = place.implementation_name == "pypy" ? "PyPy" : "CPython";
  out.implementation_version = out.python_full_version;
  return out;
}

std::vector<Place> places_of_four() {
  std::vector<Place> out;
  for (int minor = 9; minor <= 12; ++minor)
    for (int micro = 0; micro < 7; ++micro) {
      const std::array<int, 3> python{3, minor, micro};
      out.push_back({"posix", "linux", "Linux", "x86_64", "cpython", python});
      out.push_back({"posix", "linux", "Linux", "aarch64", "cpython", python});
      out.push_back({"posix", "darwin", "Darwin", "arm64", "cpython", python});
      out.push_back({"nt", "win32", "Windows", "AMD64", "cpython", python});
    }
  return out;
}

// Systems, machines and implementations that no condition names among them.
std::vector<Place> places_everywhere() {
  std::vector<Place> out;
  const std::array<std::array<const char*, 3>, 5> kSystems = {{{"posix", "linux", "Linux"},
                                                               {"posix", "darwin", "Darwin"},
                                                               {"nt", "win32", "Windows"},
                                                               {"posix", "cygwin", "CYGWIN_NT-10.0"},
                                                               {"posix", "haiku1", "Haiku"}}};
  for (const auto& [os, sys, system] : kSystems)
    for (const char* machine : {"x86_64", "aarch64", "arm64", "AMD64", "ppc64le", "riscv64"})
      for (const char* implementation : {"cpython", "pypy", "rustpython"})
        for (int minor = 11; minor <= 12; ++minor)
          for (int micro = 0; micro < 6; ++micro)
            out.push_back({os, sys, system, machine, implementation, {3, minor, micro}});
  return out;
}

void expect_exact(const EnvironmentSpace& space, const std::vector<Place>& places, std::uint64_t count) {
  std::vector<MarkerEnvironment> environments;
  for (const Place& place : places) environments.push_back(environment_of(place));
  for (std::uint64_t seed = 0; seed < count && !::testing::Test::HasFailure(); ++seed) {
    Random random(seed);
    const Condition a = random.condition(3), b = random.condition(2);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + a.text() + "   and   " + b.text());
    MarkerAtoms atoms;
    atoms.add(marker(a.text()));
    atoms.add(marker(b.text()));
    const MarkerCells cells(space, atoms);
    const CellSet in_a = cells.where(marker(a.text())), in_b = cells.where(marker(b.text()));
    const auto expect_same = [&](const CellSet& set, const auto& expected, const char* what) {
      std::optional<Marker> said;
      if (!set.empty()) said = cells.marker_of(set);
      for (std::size_t i = 0; i < places.size() && !::testing::Test::HasFailure(); ++i) {
        const bool here = !set.empty() && (!said || said->evaluate(environments[i]));
        EXPECT_EQ(here, expected(places[i]))
            << what << ": " << (said ? said->to_string() : "-") << " in " << environments[i].sys_platform
            << " " << environments[i].platform_machine << " " << environments[i].python_full_version;
      }
    };
    expect_same(
        in_a, [&](const Place& p) { return holds(a, p); }, "simplified");
    expect_same(
        in_a & in_b, [&](const Place& p) { return holds(a, p) && holds(b, p); }, "and");
    expect_same(
        in_a | in_b, [&](const Place& p) { return holds(a, p) || holds(b, p); }, "or");
    expect_same(
        in_a.complement(), [&](const Place& p) { return !holds(a, p); }, "not");
    expect_same(
        in_a - in_b, [&](const Place& p) { return holds(a, p) && !holds(b, p); }, "and not");
    if (in_a.is_subset_of(in_b)) {
      for (const Place& place : places) EXPECT_TRUE(!holds(a, place) || holds(b, place)) << "implication";
    }
    // Equal sets are said in equal words.
    if (!in_a.empty()) {
      const std::optional<Marker> once = cells.marker_of(in_a);
      if (once) {
        EXPECT_EQ(cells.where(*once), in_a);
      }
    }
  }
}

TEST(MarkerCells, AgreeWithSingleEnvironmentsOfFourPlatforms) {
  expect_exact(four_platforms({"3.12", "3.11", "3.10", "3.9"}), places_of_four(), 200);
}

TEST(MarkerCells, AgreeWithSingleEnvironmentsEverywhere) {
  EnvironmentSpace space;
  space.everywhere = {{3, 12}, {3, 11}};
  expect_exact(space, places_everywhere(), 30);
}

}  // namespace
}  // namespace moat
