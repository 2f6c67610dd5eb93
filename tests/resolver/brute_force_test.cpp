// Thousands of small random universes, each answered by resolve() and by trying everything.
#include "resolver/base/text.h"
#include "resolver/solve.h"
#include "tests/support/fake_source.h"
#include "tests/support/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace moat::testing {
namespace {

struct Need {
  int name = 0;
  std::string specifier;
  std::set<int> extras;
  int only_with = -1;  // the extra that brings it in
};

struct Row {
  std::string version;
  bool yanked = false;
  bool broken = false;  // found out with its metadata
  std::vector<Need> needs;
};

struct Traits {
  bool prereleases = false;
  bool extras = false;
  bool yanked = false;
  bool dates = false;
};

std::string name_of(int name) { return "p" + std::to_string(name); }
std::string extra_of(int extra) { return "x" + std::to_string(extra); }

std::string text_of(const Need& need) {
  std::vector<std::string> extras;
  for (const int extra : need.extras) extras.push_back(extra_of(extra));
  return name_of(need.name) + (extras.empty() ? "" : "[" + join(extras, ",") + "]") + need.specifier +
         (need.only_with < 0 ? "" : "; extra == \"" + extra_of(need.only_with) + "\"");
}

class Universe {
 public:
  Universe(std::uint64_t seed, const Traits& traits) : random_(seed), traits_(traits) {
    const int names = 3 + below(5);
    for (int name = 0; name < names; ++name) projects_.push_back(versions());
    for (int name = 0; name < names; ++name)
      for (Row& row : projects_[static_cast<std::size_t>(name)]) add_needs(name, row);
    const int requests = 1 + below(3);
    for (int i = 0; i < requests; ++i) requests_.push_back(need(below(names), true));
  }

  const std::vector<std::vector<Row>>& projects() const { return projects_; }
  const std::vector<Need>& requests() const { return requests_; }

  void fill(FakeSource& source) const {
    for (std::size_t name = 0; name < projects_.size(); ++name) {
      int age = 0;
      for (const Row& row : projects_[name]) {
        FakeRelease release{
            .name = name_of(static_cast<int>(name)), .version = row.version, .extras = {"x0", "x1"}};
        for (const Need& need : row.needs) release.requirements.push_back(text_of(need));
        if (row.yanked) release.yanked = "broken";
        if (row.broken) release.unusable = "broken metadata";
        if (traits_.dates)
          release.date = std::to_string(2015 + 2 * age++ + static_cast<int>(name) % 2) + "-06-01";
        source.add(release);
      }
    }
  }

  ResolveRequest request() const {
    ResolveRequest request{.target = linux_target("3.12.4")};
    for (const Need& need : requests_) request.requirements.push_back({requirement(text_of(need)), {}, {}});
    return request;
  }

 private:
  int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
  bool chance(int percent) { return below(100) < percent; }

  std::vector<Row> versions() {
    std::vector<Row> rows;
    const int count = 1 + below(5);
    for (int v = 1; v <= count; ++v) {
      const bool pre = traits_.prereleases && chance(30);
      rows.push_back({.version = std::to_string(v) + (pre ? ".0rc1" : ".0"), .needs = {}});
      rows.back().yanked = traits_.yanked && chance(25);
      rows.back().broken = chance(4);
    }
    return rows;
  }

  std::string specifier(bool of_request) {
    const std::string v = std::to_string(1 + below(5)) + (traits_.prereleases && chance(15) ? ".0rc1" : ".0");
    switch (below(of_request ? 9 : 7)) {
      case 0:
        return ">=" + v;
      case 1:
        return "<" + v;
      case 2:
        return "!=" + v;
      case 3:
        return "==" + v;
      case 4:
        return ">=" + v + ",!=" + std::to_string(1 + below(5)) + ".0";
      case 5:
        return "<=" + v + ",!=" + std::to_string(1 + below(5)) + ".0,!=" + std::to_string(1 + below(5)) +
               ".0";
      default:
        return "";
    }
  }

  Need need(int name, bool of_request) {
    Need out{.name = name, .specifier = specifier(of_request), .extras = {}};
    for (int extra = 0; extra < 2 && traits_.extras; ++extra)
      if (chance(25)) out.extras.insert(extra);
    return out;
  }

  void add_needs(int name, Row& row) {
    const int count = below(4);
    for (int i = 0; i < count; ++i) {
      const int on = below(static_cast<int>(projects_.size()));
      if (on == name && !chance(20)) continue;
      Need needed = need(on, false);
      if (traits_.extras && chance(40)) needed.only_with = below(2);
      row.needs.push_back(std::move(needed));
    }
  }

  std::mt19937_64 random_;
  Traits traits_;
  std::vector<std::vector<Row>> projects_;
  std::vector<Need> requests_;
};

// Tries everything.
class Oracle {
 public:
  Oracle(const Universe& universe, bool prereleases) : universe_(universe), prereleases_(prereleases) {}

  using Pinned = std::map<int, std::size_t>;

  bool solvable(const std::vector<Need>& requests, const Pinned& pinned = {}) {
    requests_ = &requests;
    pinned_ = &pinned;
    return search({}, {}, requests);
  }

  bool eligible(int name, std::size_t index) const {
    const Row& row = rows(name)[index];
    if (row.broken || (!prereleases_ && is_prerelease(row))) return false;
    if (!row.yanked) return true;
    // Only a request that pins opens the door, whichever requests are looked at.
    return std::any_of(universe_.requests().begin(), universe_.requests().end(), [&](const Need& request) {
      return request.name == name && request.specifier == "==" + row.version;
    });
  }
  bool admits(const Need& need, std::size_t index) const {
    auto& known = admitted_[{need.specifier, rows(need.name)[index].version}];
    if (!known)
      known = SpecifierSet::parse(need.specifier)->contains(version(rows(need.name)[index].version));
    return *known;
  }

 private:
  const std::vector<Row>& rows(int name) const {
    return universe_.projects()[static_cast<std::size_t>(name)];
  }
  static bool is_prerelease(const Row& row) { return row.version.find("rc") != std::string::npos; }

  bool search(Pinned chosen, std::map<int, std::set<int>> extras, std::vector<Need> open) {
    while (!open.empty()) {
      const Need need = open.back();
      open.pop_back();
      if (const auto found = chosen.find(need.name); found != chosen.end()) {
        if (!admits(need, found->second)) return false;
        for (const int extra : need.extras)
          if (extras[need.name].insert(extra).second) open_extra(need.name, found->second, extra, open);
        continue;
      }
      for (std::size_t index = 0; index < rows(need.name).size(); ++index) {
        if (!eligible(need.name, index) || !admits(need, index)) continue;
        if (const auto pin = pinned_->find(need.name); pin != pinned_->end() && pin->second != index)
          continue;
        Pinned with = chosen;
        with[need.name] = index;
        std::vector<Need> then = open;
        std::map<int, std::set<int>> its_extras = extras;
        open_extra(need.name, index, -1, then);
        for (const int extra : need.extras) {
          its_extras[need.name].insert(extra);
          open_extra(need.name, index, extra, then);
        }
        if (search(std::move(with), std::move(its_extras), std::move(then))) return true;
      }
      return false;
    }
    return true;
  }

  void open_extra(int name, std::size_t index, int extra, std::vector<Need>& open) const {
    for (const Need& need : rows(name)[index].needs)
      if (need.only_with == extra) open.push_back(need);
  }

  const Universe& universe_;
  bool prereleases_;
  const std::vector<Need>* requests_ = nullptr;
  const Pinned* pinned_ = nullptr;
  mutable std::map<std::pair<std::string, std::string>, std::optional<bool>> admitted_;
};

Outcome answer(const Universe& universe, const ResolveRequest& request, std::uint64_t shuffle) {
  FakeSource source;
  universe.fill(source);
  if (shuffle == 1) source.set_warm();
  if (shuffle > 1) source.shuffle(shuffle);
  Reporter quiet;
  return resolve(request, source, quiet);
}

std::vector<std::string> told(const Outcome& outcome) {
  if (const auto* resolution = std::get_if<Resolution>(&outcome)) return packages_of(*resolution);
  std::vector<std::string> out = {"conflict"};
  for (const Edge& edge : std::get<Conflict>(outcome).core) out.push_back(edge.requirement.to_string());
  for (const ConflictStep& step : std::get<Conflict>(outcome).steps)
    out.push_back((step.package ? step.package->normalized() : "") + step.versions +
                  step.requirement.to_string());
  return out;
}

class BruteForce : public ::testing::Test {
 protected:
  // Every requirement is met, by itself and by those alone that are needed.
  void expect_closed(const Universe& universe, const Resolution& resolution) {
    std::map<int, std::size_t> chosen;
    for (const ResolvedPackage& package : resolution.packages) {
      const int name = std::stoi(package.name.normalized().substr(1));
      const auto& rows = universe.projects()[static_cast<std::size_t>(name)];
      for (std::size_t i = 0; i < rows.size(); ++i)
        if (version(rows[i].version) == package.version) chosen[name] = i;
    }
    std::set<int> reached;
    std::map<int, std::set<int>> extras;
    std::vector<Need> open = universe.requests();
    const Oracle oracle(universe, true);
    while (!open.empty()) {
      const Need need = open.back();
      open.pop_back();
      ASSERT_TRUE(chosen.contains(need.name)) << text_of(need) << " is missing";
      const std::size_t index = chosen[need.name];
      EXPECT_TRUE(oracle.admits(need, index)) << text_of(need);
      EXPECT_TRUE(oracle.eligible(need.name, index)) << text_of(need);
      std::vector<int> fresh;
      if (reached.insert(need.name).second) fresh.push_back(-1);
      for (const int extra : need.extras)
        if (extras[need.name].insert(extra).second) fresh.push_back(extra);
      for (const int extra : fresh)
        for (const Need& more : universe.projects()[static_cast<std::size_t>(need.name)][index].needs)
          if (more.only_with == extra) open.push_back(more);
    }
    EXPECT_EQ(reached.size(), chosen.size()) << "strays";
    for (const ResolvedPackage& package : resolution.packages)
      EXPECT_EQ(package.extras.size(), extras[std::stoi(package.name.normalized().substr(1))].size());
    chosen_ = chosen;
  }

  // Of all answers, the one whose requests are newest, the first one mattering most.
  void expect_newest(const Universe& universe, Oracle& oracle) {
    Oracle::Pinned fixed;
    for (const Need& request : universe.requests()) {
      const auto& rows = universe.projects()[static_cast<std::size_t>(request.name)];
      for (std::size_t better = chosen_[request.name] + 1; better < rows.size(); ++better) {
        Oracle::Pinned pinned = fixed;
        if (!pinned.emplace(request.name, better).second) break;
        EXPECT_FALSE(oracle.solvable(universe.requests(), pinned))
            << text_of(request) << " could be " << rows[better].version;
      }
      fixed.emplace(request.name, chosen_[request.name]);
    }
  }

  // No package could be newer with all others as they are.
  void expect_none_newer_alone(const Universe& universe, const Oracle& oracle) {
    for (const auto& [name, index] : chosen_) {
      const auto& rows = universe.projects()[static_cast<std::size_t>(name)];
      for (std::size_t better = index + 1; better < rows.size(); ++better) {
        if (!oracle.eligible(name, better)) continue;
        Oracle::Pinned pinned = chosen_;
        pinned[name] = better;
        EXPECT_FALSE(fits(universe, oracle, pinned)) << name_of(name) << " could be " << rows[better].version;
      }
    }
  }

  static bool fits(const Universe& universe, const Oracle& oracle, const Oracle::Pinned& chosen) {
    std::vector<Need> open = universe.requests();
    for (const auto& [name, index] : chosen)
      for (const Need& need : universe.projects()[static_cast<std::size_t>(name)][index].needs)
        open.push_back(need);
    return std::all_of(open.begin(), open.end(), [&](const Need& need) {
      const auto found = chosen.find(need.name);
      return found != chosen.end() && oracle.admits(need, found->second);
    });
  }

  void expect_core_contradicts(const Universe& universe, const Conflict& conflict, Oracle& oracle) {
    std::vector<Need> core;
    std::set<std::string> texts;
    for (const Edge& edge : conflict.core) texts.insert(edge.requirement.to_string());
    for (const Need& request : universe.requests())
      if (texts.contains(requirement(text_of(request)).to_string())) core.push_back(request);
    EXPECT_FALSE(core.empty());
    EXPECT_FALSE(oracle.solvable(core)) << "the core is no contradiction";
    EXPECT_FALSE(conflict.steps.empty());
  }

  void expect_same_in_any_order(const Universe& universe, const ResolveRequest& request,
                                const Outcome& outcome) {
    for (std::uint64_t shuffle = 1; shuffle < 4; ++shuffle)
      EXPECT_EQ(told(answer(universe, request, shuffle)), told(outcome)) << "the order of arrival matters";
  }

  std::map<int, std::size_t> chosen_;
};

TEST_F(BruteForce, AgreesWhereAllIsPlain) {
  int solved = 0, refuted = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Universe universe(seed, {});
    Oracle oracle(universe, false);
    const ResolveRequest request = universe.request();
    const Outcome outcome = answer(universe, request, 0);
    const bool solvable = oracle.solvable(universe.requests());
    ASSERT_EQ(std::holds_alternative<Resolution>(outcome), solvable);
    if (solvable) {
      ++solved;
      expect_closed(universe, std::get<Resolution>(outcome));
      expect_newest(universe, oracle);
      expect_none_newer_alone(universe, oracle);
    } else {
      ++refuted;
      expect_core_contradicts(universe, std::get<Conflict>(outcome), oracle);
    }
    expect_same_in_any_order(universe, request, outcome);
    if (HasFailure()) return;
  }
  EXPECT_GT(solved, 300);
  EXPECT_GT(refuted, 300);
}

TEST_F(BruteForce, AgreesWithExtrasAndYankedReleases) {
  int solved = 0, refuted = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Universe universe(seed, {.extras = true, .yanked = true});
    Oracle oracle(universe, false);
    const ResolveRequest request = universe.request();
    const Outcome outcome = answer(universe, request, 0);
    const bool solvable = oracle.solvable(universe.requests());
    ASSERT_EQ(std::holds_alternative<Resolution>(outcome), solvable);
    if (solvable) {
      ++solved;
      expect_closed(universe, std::get<Resolution>(outcome));
    } else {
      ++refuted;
      expect_core_contradicts(universe, std::get<Conflict>(outcome), oracle);
    }
    expect_same_in_any_order(universe, request, outcome);
    if (HasFailure()) return;
  }
  EXPECT_GT(solved, 300);
  EXPECT_GT(refuted, 300);
}

// As a last resort: what finals solve is solved, what nothing solves is refuted; in between only licences
// decide.
TEST_F(BruteForce, PrereleasesNeverTakeAnAnswerAway) {
  int with_finals = 0, only_with_prereleases = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Universe universe(seed, {.prereleases = true, .extras = seed % 2 == 0});
    Oracle finals(universe, false), all(universe, true);
    const ResolveRequest request = universe.request();
    const Outcome outcome = answer(universe, request, 0);
    const auto* resolution = std::get_if<Resolution>(&outcome);
    if (finals.solvable(universe.requests())) {
      ++with_finals;
      EXPECT_NE(resolution, nullptr);
    }
    if (resolution != nullptr) {
      EXPECT_TRUE(all.solvable(universe.requests()));
      only_with_prereleases += !finals.solvable(universe.requests());
      expect_closed(universe, *resolution);
    }
    expect_same_in_any_order(universe, request, outcome);
    if (HasFailure()) return;
  }
  EXPECT_GT(with_finals, 200);
  EXPECT_GT(only_with_prereleases, 50);
}

TEST_F(BruteForce, AgreesWherePrereleasesAreWelcomeOrForbidden) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Universe universe(seed, {.prereleases = true, .extras = true});
    const bool welcome = seed % 2 == 0;
    Oracle oracle(universe, welcome);
    ResolveRequest request = universe.request();
    request.prereleases.otherwise = welcome ? Prereleases::Allow : Prereleases::Forbid;
    const Outcome outcome = answer(universe, request, 0);
    const bool solvable = oracle.solvable(universe.requests());
    ASSERT_EQ(std::holds_alternative<Resolution>(outcome), solvable);
    if (solvable) expect_closed(universe, std::get<Resolution>(outcome));
    if (solvable) expect_newest(universe, oracle);
    expect_same_in_any_order(universe, request, outcome);
    if (HasFailure()) return;
  }
}

TEST_F(BruteForce, TheDateWindowTakesNoAnswerAway) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Universe universe(seed, {.extras = seed % 2 == 0, .dates = true});
    Oracle oracle(universe, false);
    const ResolveRequest request = universe.request();
    const Outcome outcome = answer(universe, request, 0);
    const bool solvable = oracle.solvable(universe.requests());
    ASSERT_EQ(std::holds_alternative<Resolution>(outcome), solvable);
    if (solvable) expect_closed(universe, std::get<Resolution>(outcome));
    expect_same_in_any_order(universe, request, outcome);
    if (HasFailure()) return;
  }
}

TEST_F(BruteForce, TheLowestAreFoundToo) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Universe universe(seed, {});
    Oracle oracle(universe, false);
    ResolveRequest request = universe.request();
    request.mode = ResolutionMode::Lowest;
    const Outcome outcome = answer(universe, request, 0);
    ASSERT_EQ(std::holds_alternative<Resolution>(outcome), oracle.solvable(universe.requests()));
    if (const auto* resolution = std::get_if<Resolution>(&outcome)) {
      expect_closed(universe, *resolution);
      const Need& first = universe.requests().front();
      for (std::size_t lower = 0; lower < chosen_[first.name]; ++lower)
        EXPECT_FALSE(oracle.solvable(universe.requests(), {{first.name, lower}}));
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace moat::testing
