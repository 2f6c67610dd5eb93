// Runs tests/scenarios/**/*.test: each under five orders of arrival, which must not matter.
#include "tests/support/scenario.h"

#include "resolver/lock/lock_gaps.h"
#include "resolver/lock/lock_worlds.h"
#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"
#include "resolver/solve/explain.h"
#include "resolver/solve/fixes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace moat::testing {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Told {
  std::vector<std::string> packages, files, conflict, notes, hints, fixes, error, asked;
  std::vector<std::string> later;
  std::map<std::string, int> counts;
};

std::vector<std::string> entries_of(const Pylock& lock) {
  std::vector<std::string> out;
  for (const LockedPackage& package : lock.packages)
    out.push_back(package.name.normalized() + " " + package.version->to_string() +
                  (package.marker ? "  " + package.marker->to_string() : ""));
  return out;
}

// What a lock that is there has for an environment, but for what is to be upgraded.
std::map<PackageName, Version> versions_of(const Pylock& lock, const std::set<PackageName>& upgrade,
                                           const MarkerEnvironment& environment) {
  const std::set<ExtraName> extras(lock.extras.begin(), lock.extras.end());
  const std::set<GroupName> groups(lock.dependency_groups.begin(), lock.dependency_groups.end());
  std::map<PackageName, Version> out;
  for (const LockedPackage& package : lock.packages)
    if (!upgrade.contains(package.name) &&
        (!package.marker || package.marker->evaluate(environment, extras, groups)))
      out.emplace(package.name, *package.version);
  return out;
}

// Every choice that conflicts leave selects from the whole lock what it selects from the lock of its world.
void expect_worlds_hold(const Pylock& whole, const std::vector<Pylock>& locks,
                        const std::vector<RootSet>& worlds, const UniversalRequest& request) {
  const std::size_t count = request.roots.size();
  for (std::size_t chosen = 0; chosen < std::size_t{1} << count; ++chosen) {
    RootSet choice{0};
    std::set<ExtraName> extras;
    std::set<GroupName> groups;
    for (std::size_t root = 1; root < count; ++root) {
      if ((chosen >> root & 1U) == 0) continue;
      choice.insert(root);
      const LockRoot& one = request.roots[root];
      if (one.kind == LockRoot::Kind::Extra)
        extras.insert(ExtraName::parse(one.name).value());
      else
        groups.insert(GroupName::parse(one.name).value());
    }
    const auto world = std::find_if(worlds.begin(), worlds.end(), [&](const RootSet& set) {
      return std::includes(set.begin(), set.end(), choice.begin(), choice.end());
    });
    if (world == worlds.end()) continue;  // it is excluded
    for (const LockTarget& target : request.targets) {
      const auto selected = [&](const Pylock& lock) {
        std::vector<std::string> out;
        for (const LockedPackage& package : lock.packages)
          if (!package.marker || package.marker->evaluate(target.target.environment, extras, groups))
            out.push_back(package.name.normalized() + " " + package.version->to_string());
        return out;
      };
      EXPECT_EQ(selected(whole), selected(locks[static_cast<std::size_t>(world - worlds.begin())]))
          << "choice " << chosen << " on " << target.target.description;
    }
  }
}

// Locks; locks again, which must change nothing; and once more when later releases are there.
Told run_everywhere(const Scenario& scenario, FakeSource& source) {
  scenario.fill(source);
  Reporter quiet;
  Told told;
  UniversalRequest request = scenario.universal_request();
  const std::vector<RootSet>& conflicts = scenario.everywhere->conflicts;
  const std::vector<RootSet> worlds = worlds_of(request.roots.size(), conflicts);
  const auto lock_world = [&](FakeSource& from,
                              const UniversalRequest& request_now) -> std::optional<Pylock> {
    const UniversalOutcome outcome = resolve_universal(request_now, from, quiet);
    if (const auto* conflict = std::get_if<UniversalConflict>(&outcome)) {
      const Explanation explanation = explain(conflict->conflict, conflict->request.target);
      told.conflict = explanation.lines;
      told.conflict.insert(told.conflict.begin(), explanation.headline);
      told.conflict.insert(told.conflict.begin(), conflict->request.target.description);
      return std::nullopt;
    }
    const auto& resolution = std::get<UniversalResolution>(outcome);
    told.counts["solves"] = resolution.solves;
    told.notes = resolution.notes;
    for (const LeftOutTarget& one : resolution.left_out)
      told.notes.push_back("left out: " + request.targets[one.place].target.description + ": " +
                           explain(one.why.conflict, one.why.request.target).lines.front());
    return lock_universal(request_now, resolution, {.lock_directory = "/"});
  };
  const auto lock = [&](FakeSource& from) -> std::optional<Pylock> {
    if (worlds.size() == 1) return lock_world(from, request);
    std::vector<Pylock> locks;
    for (const RootSet& world : worlds) {
      std::optional<Pylock> one = lock_world(from, request_of_world(request, world));
      if (!one) return std::nullopt;
      locks.push_back(std::move(*one));
    }
    Pylock whole = join_worlds(locks, worlds, conflicts, request.roots);
    expect_worlds_hold(whole, locks, worlds, request);
    return whole;
  };
  const std::optional<Pylock> first = lock(source);
  if (!first) return told;
  const auto counts = told.counts;
  told.packages = entries_of(*first);
  const std::string text = format_pylock(*first);
  const Pylock read = parse_pylock(text, "pylock.toml").value();
  EXPECT_EQ(dangling_dependencies(read), std::vector<std::string>()) << "what is needed is there";
  const std::set<PackageName> none;
  request.preferences = [&](const MarkerEnvironment& here) { return versions_of(read, none, here); };
  FakeSource again;
  scenario.fill(again);
  EXPECT_EQ(format_pylock(lock(again).value()), text) << "locking again changes the lock";
  if (scenario.later) {
    FakeSource newer;
    scenario.fill(newer);
    for (FakeRelease release : scenario.later_releases) {
      release.sha256 = "cd";
      newer.add(release);
    }
    request.preferences = [&](const MarkerEnvironment& here) {
      return versions_of(read, scenario.everywhere->upgrade, here);
    };
    if (const auto later = lock(newer)) told.later = entries_of(*later);
  }
  told.counts = counts;
  return told;
}

Told run(const Scenario& scenario, FakeSource& source) {
  if (scenario.everywhere) return run_everywhere(scenario, source);
  scenario.fill(source);
  Reporter quiet;
  ResolveStatistics statistics;
  Told told;
  Outcome outcome = Conflict();
  try {
    outcome = resolve(scenario.request, source, quiet, {}, &statistics);
  } catch (const Error& error) {
    told.error = {std::string(to_string(error.kind())) + ": " + error.what()};
    return told;
  }
  if (const auto* resolution = std::get_if<Resolution>(&outcome)) {
    told.packages = packages_of(*resolution);
    for (const ResolvedPackage& package : resolution->packages)
      told.files.push_back(package.file.artifact.filename);
    told.notes = resolution->notes;
  } else {
    const Explanation explanation = explain(std::get<Conflict>(outcome), scenario.request.target);
    told.conflict = explanation.lines;
    told.conflict.insert(told.conflict.begin(), explanation.headline);
    told.hints = explanation.hints;
  }
  if (const auto* conflict = std::get_if<Conflict>(&outcome); conflict != nullptr && scenario.fixes) {
    constexpr auto kAll = static_cast<std::size_t>(-1);
    const FoundFixes found =
        find_fixes(*conflict, scenario.request, source, quiet, {}, kAll, scenario.fix_budget);
    for (const Fix& fix : found.fixes) told.fixes.push_back(to_string(fix));
    if (found.ran_out) told.fixes.emplace_back("ran out");
    if (found.left_builds_out) told.fixes.emplace_back("left builds out");
  }
  told.asked = source.asked();
  told.counts = {{"trips", static_cast<int>(source.trips())},
                 {"pages", source.pages()},
                 {"metadata", source.metadata_files()},
                 {"rounds", statistics.rounds},
                 {"builds", source.builds()}};
  return told;
}

// For authors: with MOAT_SCENARIOS_ACCEPT set, what was told replaces what the file expects, in the sections
// that it has. To be read before it is committed.
void accept(const fs::path& path, const std::map<std::string, std::vector<std::string>>& told) {
  std::istringstream before(read(path));
  std::ostringstream after;
  bool replaced = false;
  for (std::string line; std::getline(before, line);) {
    if (replaced && !line.empty() && line.front() == ' ') continue;
    after << line << "\n";
    const auto section = told.find(line);
    replaced = section != told.end();
    if (replaced)
      for (const std::string& text : section->second) after << "  " << text << "\n";
  }
  std::ofstream(path) << after.str();
}

class ScenarioTest : public ::testing::Test {
 public:
  explicit ScenarioTest(fs::path path) : path_(std::move(path)) {}

  void TestBody() override {
    const Scenario scenario = Scenario::parse(read(path_));
    FakeSource source;
    const Told told = run(scenario, source);
    if (std::getenv("MOAT_SCENARIOS_ACCEPT") != nullptr)
      return accept(path_, {{"expect", told.packages},
                            {"expect files", told.files},
                            {"expect conflict", told.conflict},
                            {"expect notes", told.notes},
                            {"expect hints", told.hints},
                            {"expect fixes", told.fixes},
                            {"expect error", told.error},
                            {"expect later", told.later},
                            {"expect asked", told.asked}});
    EXPECT_EQ(told.error, scenario.error.value_or(std::vector<std::string>{}));
    EXPECT_EQ(told.files, scenario.files.value_or(told.files));
    EXPECT_EQ(told.asked, scenario.asked.value_or(told.asked));
    EXPECT_EQ(told.packages, scenario.packages.value_or(std::vector<std::string>{}));
    EXPECT_EQ(told.conflict, scenario.conflict.value_or(std::vector<std::string>{}));
    EXPECT_EQ(told.notes, scenario.notes.value_or(told.notes));
    EXPECT_EQ(told.hints, scenario.hints.value_or(told.hints));
    EXPECT_EQ(told.fixes, scenario.fixes.value_or(told.fixes));
    EXPECT_EQ(told.later, scenario.later.value_or(std::vector<std::string>{}));
    for (const auto& [what, count] : scenario.counts) EXPECT_EQ(told.counts.at(what), count) << what;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      FakeSource shuffled;
      seed == 0 ? shuffled.set_warm() : shuffled.shuffle(seed);
      const Told again = run(scenario, shuffled);
      EXPECT_EQ(again.error, told.error) << "the order of arrival matters";
      EXPECT_EQ(again.packages, told.packages) << "the order of arrival matters";
      EXPECT_EQ(again.conflict, told.conflict) << "the order of arrival matters";
      EXPECT_EQ(again.fixes, told.fixes) << "the order of arrival matters";
      EXPECT_EQ(again.notes, told.notes) << "the order of arrival matters";
    }
  }

 private:
  fs::path path_;
};

// tests/scenarios/backtrack/older_parent.test is Scenario.backtrack_older_parent.
int register_all() {
  const char* root = std::getenv("MOAT_SOURCE_DIR");
  const fs::path scenarios = fs::path(root != nullptr ? root : MOAT_SOURCE_DIR) / "tests" / "scenarios";
  int count = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(scenarios)) {
    if (entry.path().extension() != ".test") continue;
    std::string name = fs::relative(entry.path(), scenarios).replace_extension().string();
    for (char& c : name)
      if (c == '/' || c == '-') c = '_';
    ::testing::RegisterTest("Scenario", name.c_str(), nullptr, nullptr, entry.path().c_str(), 1,
                            [path = entry.path()]() -> ::testing::Test* { return new ScenarioTest(path); });
    ++count;
  }
  return count;
}

const int kRegistered = register_all();

TEST(Scenarios, AreThere) { EXPECT_GE(kRegistered, 300); }

}  // namespace
}  // namespace moat::testing
