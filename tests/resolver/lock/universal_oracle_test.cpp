// Random universes with markers, resolved for many environments at once; and each environment looked at by
// itself, by hand: what the lock selects there must be closed, consistent and needed, and where there is no
// lock an environment must have no answer of its own. MOAT_ORACLE_WORLDS says how many universes (default
// 500).
#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"
#include "tests/support/fake_source.h"
#include "tests/support/scenario.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace moat::testing {
namespace {

// An environment by hand.
struct Place {
  bool windows = false;
  int minor = 12, micro = 0;
};

struct Condition {
  const char* text;
  bool (*holds)(const Place&);
};
constexpr std::array kConditions = {
    Condition{"", [](const Place&) { return true; }},
    Condition{"sys_platform == 'win32'", [](const Place& p) { return p.windows; }},
    Condition{"os_name != 'nt'", [](const Place& p) { return !p.windows; }},
    Condition{"python_version < '3.11'", [](const Place& p) { return p.minor < 11; }},
    Condition{"python_version >= '3.11'", [](const Place& p) { return p.minor >= 11; }},
    Condition{"python_full_version < '3.11.2'",
              [](const Place& p) { return p.minor < 11 || (p.minor == 11 && p.micro < 2); }},
    Condition{"python_version >= '3.12' or sys_platform == 'linux'",
              [](const Place& p) { return p.minor >= 12 || !p.windows; }},
    Condition{"python_version == '3.11' and platform_system == 'Windows'",
              [](const Place& p) { return p.minor == 11 && p.windows; }},
    Condition{"platform_python_implementation == 'PyPy'", [](const Place&) { return false; }},
};

struct Bound {
  const char* text;
  int low, high;  // versions, both included
};
constexpr std::array kBounds = {Bound{"", 1, 9},    Bound{">=2", 2, 9}, Bound{"<2", 1, 1},
                                Bound{"==2", 2, 2}, Bound{"<3", 1, 2},  Bound{">=3", 3, 9}};

struct Need {
  int name = 0;
  Bound bound = kBounds[0];
  Condition condition = kConditions[0];
  bool of_group = false;

  bool in_force(const Place& place, bool with_group) const {
    return (!of_group || with_group) && condition.holds(place);
  }
  std::string text() const {
    return "p" + std::to_string(name) + bound.text +
           (*condition.text != '\0' ? std::string("; ") + condition.text : std::string());
  }
};

struct Row {
  int version = 1;
  std::vector<Need> needs;
  Condition python = kConditions[0];  // where Requires-Python admits it
  std::string requires_python;
  bool on_windows = true, on_linux = true;

  bool usable(const Place& place) const {
    return python.holds(place) && (place.windows ? on_windows : on_linux);
  }
};

using Chosen = std::map<int, int>;  // version by name

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    const int names = 3 + below(4);
    for (int name = 0; name < names; ++name) {
      std::vector<Row>& rows = rows_.emplace_back();
      const int versions = 1 + below(3);
      for (int version = 1; version <= versions; ++version) rows.push_back(row(version, name, names));
    }
    const int lines = 1 + below(3);
    for (int i = 0; i < lines; ++i) requests_.push_back(need(below(names)));
    if (below(2) == 0) {
      requests_.push_back(need(below(names)));
      requests_.back().of_group = true;
    }
  }

  void fill(FakeSource& source) const {
    for (std::size_t name = 0; name < rows_.size(); ++name)
      for (const Row& row : rows_[name]) {
        FakeRelease release;
        release.name = "p" + std::to_string(name);
        release.version = std::to_string(row.version) + ".0";
        release.python = row.requires_python;
        release.sha256 = "ab";  // a lock needs one
        if (!row.on_windows) release.tags = {"py3-none-manylinux_2_17_x86_64"};
        if (!row.on_linux) release.tags = {"py3-none-win_amd64"};
        for (const Need& need : row.needs) release.requirements.push_back(need.text());
        source.add(release);
      }
  }

  UniversalRequest request() const {
    Scenario scenario = Scenario::parse("resolve\n");
    Everywhere everywhere;
    everywhere.platforms = {"linux_x86_64", "win_amd64"};
    everywhere.pythons = {"3.12", "3.11", "3.10"};
    for (const Need& one : requests_) {
      if (one.of_group && everywhere.roots.size() == 1)
        everywhere.roots.push_back({LockRoot::Kind::Group, "dev"});
      scenario.request.requirements.push_back({requirement(one.text()), {}, {}});
      everywhere.root_of.push_back(one.of_group ? 1 : 0);
    }
    scenario.everywhere = everywhere;
    return scenario.universal_request();
  }

  // What is needed with these versions; nullopt where something is missing, unusable or out of bounds.
  std::optional<std::set<int>> needed(const Place& place, bool with_group, const Chosen& chosen) const {
    std::set<int> reached;
    std::vector<Need> open;
    for (const Need& one : requests_)
      if (one.in_force(place, with_group)) open.push_back(one);
    while (!open.empty()) {
      const Need one = open.back();
      open.pop_back();
      const auto found = chosen.find(one.name);
      if (found == chosen.end() || found->second < one.bound.low || found->second > one.bound.high)
        return std::nullopt;
      const Row& row = rows_[static_cast<std::size_t>(one.name)][static_cast<std::size_t>(found->second - 1)];
      if (!row.usable(place)) return std::nullopt;
      if (!reached.insert(one.name).second) continue;
      for (const Need& next : row.needs)
        if (next.in_force(place, with_group)) open.push_back(next);
    }
    return reached;
  }

  // Is there any choice of versions that will do here? All are tried.
  bool solvable(const Place& place) const {
    Chosen chosen;
    return any_choice(place, chosen, 0);
  }

  std::string to_string() const {
    std::string out = "\n";
    for (std::size_t name = 0; name < rows_.size(); ++name)
      for (const Row& row : rows_[name]) {
        out += "  p" + std::to_string(name) + " " + std::to_string(row.version) + " python " +
               row.requires_python + (row.on_windows ? "" : " linux") + (row.on_linux ? "" : " windows");
        for (const Need& one : row.needs) out += "  needs  " + one.text();
        out += "\n";
      }
    for (const Need& one : requests_) out += (one.of_group ? "dev: " : "asked: ") + one.text() + "\n";
    return out;
  }

 private:
  int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }

  Need need(int name) {
    Need out;
    out.name = name;
    out.bound = kBounds[static_cast<std::size_t>(below(2) == 0 ? 0 : below(kBounds.size()))];
    out.condition = kConditions[static_cast<std::size_t>(below(2) == 0 ? 0 : below(kConditions.size()))];
    return out;
  }

  Row row(int version, int name, int names) {
    Row out;
    out.version = version;
    const int needs = below(3);
    for (int i = 0; i < needs; ++i)
      if (const int on = below(names); on != name) out.needs.push_back(need(on));
    switch (below(6)) {
      case 0:
        out.requires_python = ">=3.11";
        out.python = kConditions[4];
        break;
      case 1:
        out.requires_python = "<3.11";
        out.python = kConditions[3];
        break;
      case 2:
        out.requires_python = "<3.11.2";
        out.python = kConditions[5];
        break;
      default:
        break;
    }
    if (below(6) == 0) (below(2) == 0 ? out.on_windows : out.on_linux) = false;
    return out;
  }

  bool any_choice(const Place& place, Chosen& chosen, std::size_t name) const {
    if (name == rows_.size()) return needed(place, true, chosen).has_value();
    for (const Row& row : rows_[name]) {
      chosen[static_cast<int>(name)] = row.version;
      if (any_choice(place, chosen, name + 1)) return true;
    }
    return false;
  }

  std::mt19937_64 random_;
  std::vector<std::vector<Row>> rows_;
  std::vector<Need> requests_;
};

std::vector<Place> places() {
  std::vector<Place> out;
  for (const bool windows : {false, true})
    for (const int minor : {10, 11, 12})
      for (const int micro : {0, 1, 2, 3, 9}) out.push_back({windows, minor, micro});
  return out;
}

MarkerEnvironment environment_of(const Place& place) {
  return target_on(place.windows ? "win_amd64" : "linux_x86_64",
                   "3." + std::to_string(place.minor) + "." + std::to_string(place.micro))
      .environment;
}

Place place_of(const MarkerEnvironment& environment) {
  const Version python = version(environment.python_full_version);
  return {environment.sys_platform == "win32", static_cast<int>(*python.release_at(1).as_uint64()),
          static_cast<int>(*python.release_at(2).as_uint64())};
}

// The lock's text, or nullopt and where there was no answer.
std::optional<std::string> lock(const World& world, const UniversalRequest& request, std::uint64_t shuffle,
                                std::optional<Place>* unsolved = nullptr) {
  FakeSource source;
  world.fill(source);
  if (shuffle > 0) source.shuffle(shuffle);
  Reporter quiet;
  const UniversalOutcome outcome = resolve_universal(request, source, quiet);
  if (const auto* conflict = std::get_if<UniversalConflict>(&outcome)) {
    if (unsolved != nullptr) *unsolved = place_of(conflict->request.target.environment);
    return std::nullopt;
  }
  return format_pylock(
      lock_universal(request, std::get<UniversalResolution>(outcome), {.lock_directory = "/"}));
}

using Excluded = std::set<std::pair<bool, int>>;  // windows, minor

void expect_right_everywhere(const World& world, const std::string& text, const Excluded& excluded = {}) {
  const Pylock lock = parse_pylock(text, "pylock.toml").value();
  for (const Place& place : places())
    for (const bool with_group : {false, true}) {
      if (excluded.contains({place.windows, place.minor})) continue;
      std::set<GroupName> groups;
      if (with_group) groups.insert(GroupName::parse("dev").value());
      Chosen chosen;
      for (const LockedPackage& package : lock.packages) {
        if (package.marker && !package.marker->evaluate(environment_of(place), {}, groups)) continue;
        const int name = std::stoi(package.name.normalized().substr(1));
        const auto number = static_cast<int>(*package.version->release_at(0).as_uint64());
        EXPECT_TRUE(chosen.emplace(name, number).second) << "two versions of p" << name;
      }
      SCOPED_TRACE((place.windows ? "windows 3." : "linux 3.") + std::to_string(place.minor) + "." +
                   std::to_string(place.micro) + (with_group ? " dev" : ""));
      const std::optional<std::set<int>> needed = world.needed(place, with_group, chosen);
      ASSERT_TRUE(needed) << "something is missing, or cannot be installed";
      EXPECT_EQ(needed->size(), chosen.size()) << "something is there that nothing needs";
    }
}

std::uint64_t worlds() {
  const char* const said = std::getenv("MOAT_ORACLE_WORLDS");
  return said == nullptr ? 500 : std::stoull(said);
}

// Windows may be left out, release by release: just where one has no answer, and elsewhere all is right.
TEST(UniversalOracle, OnlyWhatHasNoAnswerIsLeftOut) {
  int left_out = 0, whole = 0;
  for (std::uint64_t seed = 0; seed < worlds() && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const World world(seed);
    UniversalRequest request = world.request();
    for (LockTarget& target : request.targets)
      target.may_be_left_out = target.target.environment.sys_platform == "win32";
    FakeSource source;
    world.fill(source);
    Reporter quiet;
    const UniversalOutcome outcome = resolve_universal(request, source, quiet);
    if (const auto* conflict = std::get_if<UniversalConflict>(&outcome)) {
      const Place unsolved = place_of(conflict->request.target.environment);
      EXPECT_FALSE(unsolved.windows) << "what may be left out is no reason to fail";
      EXPECT_FALSE(world.solvable(unsolved)) << "that environment has an answer";
    } else {
      const auto& resolution = std::get<UniversalResolution>(outcome);
      Excluded excluded;
      for (const LeftOutTarget& one : resolution.left_out) {
        const Place at = place_of(one.why.request.target.environment);
        excluded.emplace(at.windows, at.minor);
        EXPECT_FALSE(world.solvable(at)) << "what was left out has an answer";
      }
      (excluded.empty() ? whole : left_out) += 1;
      expect_right_everywhere(
          world, format_pylock(lock_universal(request, resolution, {.lock_directory = "/"})), excluded);
    }
    if (::testing::Test::HasFailure()) ADD_FAILURE() << world.to_string();
  }
  EXPECT_GT(whole, 50);
  EXPECT_GT(left_out, 10);
}

TEST(UniversalOracle, EveryEnvironmentGetsWhatItNeedsAndNoMore) {
  int solved = 0, refuted = 0, forked = 0;
  for (std::uint64_t seed = 0; seed < worlds() && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const World world(seed);
    UniversalRequest request = world.request();
    std::optional<Place> unsolved;
    const std::optional<std::string> text = lock(world, request, 0, &unsolved);
    EXPECT_EQ(lock(world, request, seed + 1), text) << "the order of arrival matters";
    if (!text) {
      ++refuted;
      EXPECT_FALSE(world.solvable(*unsolved)) << "that environment has an answer";
    } else {
      ++solved;
      expect_right_everywhere(world, *text);
      const Pylock before = parse_pylock(*text, "pylock.toml").value();
      std::set<PackageName> names;
      for (const LockedPackage& package : before.packages) forked += !names.insert(package.name).second;
      request.preferences = [&](const MarkerEnvironment& here) {
        std::map<PackageName, Version> out;
        const std::set<GroupName> groups = {GroupName::parse("dev").value()};
        for (const LockedPackage& package : before.packages)
          if (!package.marker || package.marker->evaluate(here, {}, groups))
            out.emplace(package.name, *package.version);
        return out;
      };
      EXPECT_EQ(lock(world, request, 0), text) << "locking again changes the lock";
    }
    if (::testing::Test::HasFailure()) ADD_FAILURE() << world.to_string() << text.value_or("no lock");
  }
  EXPECT_GT(solved, 50);
  EXPECT_GT(refuted, 20);
  EXPECT_GT(forked, 10);
}

}  // namespace
}  // namespace moat::testing
