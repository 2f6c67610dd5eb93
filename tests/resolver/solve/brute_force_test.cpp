// Thousands of small random universes, each answered by resolve() and by trying everything.
#include "resolver/solve/solve.h"
#include "tests/support/fake_source.h"
#include "tests/support/scenario.h"
#include "tests/support/universe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace moat::testing {
namespace {

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
  // Tries universes until one fails, and shows that one.
  template <class TraitsOf, class Body>
  void for_each_universe(std::uint64_t count, const TraitsOf& traits_of, const Body& body) {
    for (std::uint64_t seed = 0; seed < count && !HasFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      const Universe universe(seed, traits_of(seed));
      body(universe, seed);
      if (HasFailure()) ADD_FAILURE() << universe.to_string();
    }
  }

  // Asks for the answer, in several orders of arrival: is it closed, and is there one exactly where the
  // oracle finds one? (Where some may be missed, they are counted.) The rows are in chosen_, then.
  enum class Misses { None, Some };
  const Resolution* ask(const Universe& universe, const ResolveRequest& request, Oracle& oracle,
                        Misses misses = Misses::None) {
    outcome_ = answer(universe, request, 0);
    const auto* resolution = std::get_if<Resolution>(&outcome_);
    ++(resolution != nullptr ? solved_ : refuted_);
    if (resolution != nullptr) expect_closed(universe, *resolution, oracle);
    if (misses == Misses::None)
      EXPECT_EQ(resolution != nullptr, oracle.solvable(universe.requests()));
    else
      missed_ += resolution == nullptr && oracle.solvable(universe.requests());
    expect_same_in_any_order(universe, request);
    return resolution;
  }

  void expect_agreement(const Universe& universe) {
    Oracle oracle(universe, false);
    if (ask(universe, universe.request(), oracle) != nullptr) {
      expect_newest(universe, oracle);
      expect_none_better_alone(universe, oracle);
    } else {
      expect_core_contradicts(universe, oracle);
    }
  }

  // Every requirement is met, by itself and by those alone that are needed; nothing is there that may not be.
  void expect_closed(const Universe& universe, const Resolution& resolution, const Oracle& oracle) {
    chosen_ = universe.rows_of(resolution);
    EXPECT_EQ(chosen_.size(), resolution.packages.size()) << "a package from nowhere";
    const auto needs = oracle.in_force(universe.requests(), chosen_);
    ASSERT_TRUE(needs) << "something is missing, or not what was asked for";
    std::map<int, std::set<int>> extras;
    for (const Need& need : *needs) extras[need.name].insert(need.extras.begin(), need.extras.end());
    EXPECT_EQ(extras.size(), chosen_.size()) << "strays";
    for (const auto& [name, index] : chosen_) {
      EXPECT_TRUE(oracle.eligible(name, index)) << name_of(name) << " " << universe.rows(name)[index].version;
      const std::string& url = universe.rows(name)[index].url;
      const bool asked = url.empty() || std::any_of(needs->begin(), needs->end(),
                                                    [&](const Need& need) { return need.url == url; });
      EXPECT_TRUE(asked) << "nobody asks for " << url;
    }
    for (const ResolvedPackage& package : resolution.packages)
      EXPECT_EQ(package.extras.size(), extras[std::stoi(package.name.normalized().substr(1))].size());
  }

  // Of all answers, the one whose requests are best, the first one mattering most.
  void expect_newest(const Universe& universe, Oracle& oracle) {
    Oracle::Chosen fixed;
    for (const Need& request : universe.requests()) {
      if (!request.in_force({}) || fixed.contains(request.name)) continue;
      for (std::size_t better = 0; better < universe.rows(request.name).size(); ++better) {
        if (!oracle.is_preferred(request.name, better, chosen_[request.name])) continue;
        Oracle::Chosen pinned = fixed;
        pinned.emplace(request.name, better);
        EXPECT_FALSE(oracle.solvable(universe.requests(), pinned))
            << text_of(request) << " could be " << universe.rows(request.name)[better].version;
      }
      fixed.emplace(request.name, chosen_[request.name]);
    }
  }

  // No package could be better with all others as they are.
  void expect_none_better_alone(const Universe& universe, const Oracle& oracle) {
    for (const auto& [name, index] : chosen_) {
      if (!universe.rows(name)[index].url.empty()) continue;
      for (std::size_t better = 0; better < universe.rows(name).size(); ++better) {
        if (!oracle.is_preferred(name, better, index) || !oracle.eligible(name, better) ||
            !universe.rows(name)[better].url.empty())
          continue;
        Oracle::Chosen chosen = chosen_;
        chosen[name] = better;
        EXPECT_FALSE(oracle.in_force(universe.requests(), chosen))
            << name_of(name) << " could be " << universe.rows(name)[better].version;
      }
    }
  }

  void expect_core_contradicts(const Universe& universe, Oracle& oracle) {
    const Conflict& conflict = std::get<Conflict>(outcome_);
    std::vector<Need> core;
    std::set<std::string> texts;
    for (const Edge& edge : conflict.core) texts.insert(edge.requirement.to_string());
    for (const Need& request : universe.requests())
      if (texts.contains(requirement(text_of(request)).to_string())) core.push_back(request);
    EXPECT_FALSE(core.empty());
    EXPECT_FALSE(oracle.solvable(core)) << "the core is no contradiction";
    EXPECT_FALSE(conflict.steps.empty());
  }

  void expect_same_in_any_order(const Universe& universe, const ResolveRequest& request) {
    for (std::uint64_t shuffle = 1; shuffle < 4; ++shuffle)
      EXPECT_EQ(told(answer(universe, request, shuffle)), told(outcome_)) << "the order of arrival matters";
  }

  // A pre-release is there only if a requirement in force names one, or nothing final meets all of them; and
  // never where a final version would do with all others as they are.
  void expect_licensed(const Universe& universe, const Oracle& finals) {
    const auto needs = finals.in_force(universe.requests(), chosen_);
    ASSERT_TRUE(needs);
    for (const auto& [name, index] : chosen_) {
      if (!universe.rows(name)[index].is_prerelease()) continue;
      bool named = false, final_fits = false;
      for (const Need& need : *needs)
        named |= need.name == name && SpecifierSet::parse(need.specifier)->names_prerelease();
      for (std::size_t other = 0; other < universe.rows(name).size(); ++other)
        final_fits |= finals.eligible(name, other) &&
                      std::all_of(needs->begin(), needs->end(), [&, &name = name](const Need& need) {
                        return need.name != name || finals.admits(need, other);
                      });
      unlicensed_ += !named && final_fits;
      for (std::size_t other = 0; other < universe.rows(name).size(); ++other) {
        if (!finals.eligible(name, other)) continue;
        Oracle::Chosen chosen = chosen_;
        chosen[name] = other;
        EXPECT_FALSE(finals.in_force(universe.requests(), chosen))
            << name_of(name) << " could be final: " << universe.rows(name)[other].version;
      }
    }
  }

  void expect_enough_of_both() const {
    EXPECT_GT(solved_, 200);
    EXPECT_GT(refuted_, 200);
  }

  Outcome outcome_;
  Oracle::Chosen chosen_;
  int solved_ = 0, refuted_ = 0, missed_ = 0, unlicensed_ = 0;
};

TEST_F(BruteForce, AgreesWhereAllIsPlain) {
  for_each_universe(
      1500, [](std::uint64_t) { return Traits{}; },
      [&](const Universe& universe, std::uint64_t) { expect_agreement(universe); });
  expect_enough_of_both();
}

TEST_F(BruteForce, AgreesWithExtrasMarkersAndYankedFiles) {
  for_each_universe(
      2000,
      [](std::uint64_t seed) {
        return Traits{.extras = true, .self_extras = seed % 2 == 0, .markers = true, .yanked = true};
      },
      [&](const Universe& universe, std::uint64_t) { expect_agreement(universe); });
  expect_enough_of_both();
}

// What only two extras together bring in is taken as needed by each of them while an answer is looked for: a
// few answers are missed, but none is wrong.
TEST_F(BruteForce, IsNeverWrongWhereTwoExtrasMeet) {
  for_each_universe(
      1000,
      [](std::uint64_t) {
        return Traits{.extras = true, .self_extras = true, .markers = true, .two_extras = true};
      },
      [&](const Universe& universe, std::uint64_t) {
        Oracle oracle(universe, false);
        ask(universe, universe.request(), oracle, Misses::Some);
      });
  EXPECT_GT(solved_, 200);
  EXPECT_LT(missed_, 30);
}

// What an extra takes away again is taken as needed while an answer is looked for; in the answer it is not
// there.
TEST_F(BruteForce, LeavesNothingBehindThatAnExtraTakesAway) {
  int unsettled = 0;
  for_each_universe(
      1500,
      [](std::uint64_t seed) {
        return Traits{.extras = true, .self_extras = seed % 2 == 0, .not_extras = true};
      },
      [&](const Universe& universe, std::uint64_t) {
        Oracle oracle(universe, false);
        const ResolveRequest request = universe.request();
        outcome_ = answer(universe, request, 0);
        const auto* resolution = std::get_if<Resolution>(&outcome_);
        ++(resolution != nullptr ? solved_ : refuted_);
        const bool settles =
            resolution == nullptr || oracle.settles(universe.requests(), universe.rows_of(*resolution));
        if (resolution != nullptr && settles) expect_closed(universe, *resolution, oracle);
        unsettled += !settles;
        expect_same_in_any_order(universe, request);
      });
  expect_enough_of_both();
  EXPECT_LT(unsettled, 30);
}

// A URL that a release of the index gives is found only once that release is chosen: what it would give to
// others is no reason to look for it. So about one answer of a hundred is missed, but none is wrong.
TEST_F(BruteForce, IsNeverWrongWithUrls) {
  int from_urls = 0;
  for_each_universe(
      2000,
      [](std::uint64_t seed) {
        return Traits{.extras = seed % 2 == 0, .markers = seed % 3 == 0, .urls = true};
      },
      [&](const Universe& universe, std::uint64_t) {
        Oracle oracle(universe, false);
        if (ask(universe, universe.request(), oracle, Misses::Some) == nullptr) return;
        for (const auto& [name, index] : chosen_) from_urls += !universe.rows(name)[index].url.empty();
      });
  expect_enough_of_both();
  EXPECT_GT(from_urls, 100);
  EXPECT_LT(missed_, 15);
}

// As a last resort: what finals solve is solved, what nothing solves is refuted; in between only permits
// decide.
TEST_F(BruteForce, PrereleasesNeverTakeAnAnswerAway) {
  int with_finals = 0, only_with_prereleases = 0;
  for_each_universe(
      1500,
      [](std::uint64_t seed) {
        return Traits{.prereleases = true, .extras = seed % 2 == 0, .markers = seed % 4 == 0};
      },
      [&](const Universe& universe, std::uint64_t) {
        Oracle finals(universe, false), all(universe, true);
        const Resolution* resolution = ask(universe, universe.request(), all, Misses::Some);
        if (finals.solvable(universe.requests())) {
          ++with_finals;
          EXPECT_NE(resolution, nullptr);
        }
        if (resolution == nullptr) return;
        EXPECT_TRUE(all.solvable(universe.requests()));
        only_with_prereleases += !finals.solvable(universe.requests());
        expect_licensed(universe, finals);
      });
  EXPECT_GT(with_finals, 200);
  EXPECT_GT(only_with_prereleases, 50);
  // A permit stays for the run, also where what asked for it was given up on the way.
  EXPECT_LT(unlicensed_, 15);
}

TEST_F(BruteForce, AgreesWherePrereleasesAreWelcomeOrForbidden) {
  for_each_universe(
      1000,
      [](std::uint64_t seed) {
        return Traits{.prereleases = true, .extras = true, .markers = seed % 2 == 0};
      },
      [&](const Universe& universe, std::uint64_t seed) {
        const bool welcome = seed % 2 == 0;
        Oracle oracle(universe, welcome);
        ResolveRequest request = universe.request();
        request.prereleases.otherwise = welcome ? Prereleases::Allow : Prereleases::Forbid;
        if (ask(universe, request, oracle) != nullptr) expect_newest(universe, oracle);
      });
}

TEST_F(BruteForce, TheDateWindowTakesNoAnswerAway) {
  for_each_universe(
      1000, [](std::uint64_t seed) { return Traits{.extras = seed % 2 == 0, .dates = true}; },
      [&](const Universe& universe, std::uint64_t) {
        Oracle oracle(universe, false);
        ask(universe, universe.request(), oracle);
      });
}

TEST_F(BruteForce, TheLowestAreFoundToo) {
  for_each_universe(
      500, [](std::uint64_t) { return Traits{}; },
      [&](const Universe& universe, std::uint64_t) {
        Oracle oracle(universe, false);
        ResolveRequest request = universe.request();
        request.mode = ResolutionMode::Lowest;
        if (ask(universe, request, oracle) == nullptr) return;
        const Need& first = universe.requests().front();
        for (std::size_t lower = 0; lower < chosen_[first.name]; ++lower)
          EXPECT_FALSE(oracle.solvable(universe.requests(), {{first.name, lower}}));
      });
}

// What is preferred is tried as if there were nothing else; a budget, which leaves that out, gives the same.
// One time in two most of it is an earlier answer, as in a lock.
TEST_F(BruteForce, WhatIsPreferredIsTriedFirstAndChangesNoAnswer) {
  int kept = 0;
  for_each_universe(
      3000,
      [](std::uint64_t seed) {
        return Traits{.prereleases = seed % 3 == 0,
                      .extras = seed % 2 == 0,
                      .markers = seed % 4 == 0,
                      .yanked = seed % 5 == 0,
                      .dates = seed % 3 == 1,
                      .urls = seed % 7 == 0};
      },
      [&](const Universe& universe, std::uint64_t seed) {
        std::mt19937_64 random(seed);
        ResolveRequest request = universe.request();
        std::map<int, std::size_t> preferred;
        if (seed % 2 == 0) {
          outcome_ = answer(universe, request, 0);
          if (const auto* resolution = std::get_if<Resolution>(&outcome_))
            preferred = universe.rows_of(*resolution);
        }
        for (std::size_t name = 0; name < universe.projects().size(); ++name)
          if (const std::size_t rows = universe.projects()[name].size(); rows > 0 && random() % 3 == 0)
            preferred[static_cast<int>(name)] = random() % rows;
        for (const auto& [name, row] : preferred)
          request.preferences.insert_or_assign(*PackageName::parse(name_of(name)),
                                               Version::parse(universe.rows(name)[row].version).value());
        outcome_ = answer(universe, request, 0);
        expect_same_in_any_order(universe, request);
        FakeSource source;
        universe.fill(source);
        Reporter quiet;
        ResolveBudget plenty{1'000'000, 1'000'000};
        const std::optional<Outcome> of_all = resolve_within(plenty, request, source, quiet);
        ASSERT_TRUE(of_all);
        EXPECT_EQ(told(outcome_), told(*of_all));
        const auto* resolution = std::get_if<Resolution>(&outcome_);
        ++(resolution != nullptr ? solved_ : refuted_);
        if (resolution != nullptr)
          for (const auto& [name, row] : universe.rows_of(*resolution))
            kept += preferred.contains(name) && preferred[name] == row;
      });
  expect_enough_of_both();
  EXPECT_GT(kept, 1000);
}

}  // namespace
}  // namespace moat::testing
