// What libsolv really does, where it surprises: each of these was once a silent wrong answer.
#include "resolver/solv/solver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moat::solv {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SolverTest : public ::testing::Test {
 protected:
  // Versions of one package, lowest rank first.
  SolvableId package(const std::string& name, int versions) {
    const SolvableId first = pool_.add(versions);
    const NameId id = pool_.name(name);
    for (int v = 0; v < versions; ++v) pool_.describe(first + v, id, v);
    return first;
  }
  static std::vector<SolvableId> range(SolvableId first, int count) {
    std::vector<SolvableId> ids;
    for (int i = 0; i < count; ++i) ids.push_back(first + i);
    return ids;
  }
  std::vector<SolvableId> solved(const Goal& goal) {
    Solver solver(pool_);
    EXPECT_TRUE(solver.solve(goal));
    return solver.installed();
  }
  bool refuted(const Goal& goal) {
    Solver solver(pool_);
    return !solver.solve(goal);
  }
  Pool pool_;
};

TEST_F(SolverTest, TakesTheHighestRankWhateverTheIdsAre) {
  const SolvableId a = pool_.add(3);
  for (int v = 0; v < 3; ++v) pool_.describe(a + v, pool_.name("a"), v == 1 ? 7 : v);
  Goal goal;
  goal.install_one_of(range(a, 3));
  EXPECT_THAT(solved(goal), ElementsAre(a + 1));
}

TEST_F(SolverTest, RanksCompareAsNumbers) {
  const SolvableId a = package("a", 12);
  Goal goal;
  goal.install_one_of(range(a, 12));
  EXPECT_THAT(solved(goal), ElementsAre(a + 11));
}

TEST_F(SolverTest, ARequirementThatNothingMeetsIsAContradiction) {
  const SolvableId a = package("a", 1);
  pool_.add_requirement(a, pool_.one_of({}));
  Goal goal;
  goal.install_one_of({a});
  EXPECT_TRUE(refuted(goal));
}

TEST_F(SolverTest, AnEmptyGoalItemIsAContradiction) {
  const SolvableId a = package("a", 1);
  Goal goal;
  goal.install_one_of({a});
  goal.install_one_of({});
  EXPECT_TRUE(refuted(goal));
}

TEST_F(SolverTest, WithoutProvidesTwoOfOneNameMayStandTogether) {
  // Mutual exclusion is the encoding's business (the ladder), never the library's.
  const SolvableId a = package("a", 2);
  Goal goal;
  goal.install_one_of({a});
  goal.install_one_of({a + 1});
  EXPECT_THAT(solved(goal), ElementsAre(a, a + 1));
}

TEST_F(SolverTest, ForbiddenSolvablesAreNotTaken) {
  const SolvableId a = package("a", 3);
  Goal goal;
  goal.install_one_of(range(a, 3));
  goal.forbid(a + 2);
  EXPECT_THAT(solved(goal), ElementsAre(a + 1));
}

TEST_F(SolverTest, EarlierItemsOfTheGoalAreServedFirst) {
  const SolvableId a = package("a", 2);
  const SolvableId b = package("b", 2);
  pool_.add_conflict(a + 1, pool_.only(b + 1));
  Goal a_first, b_first;
  a_first.install_one_of(range(a, 2));
  a_first.install_one_of(range(b, 2));
  b_first.install_one_of(range(b, 2));
  b_first.install_one_of(range(a, 2));
  EXPECT_THAT(solved(a_first), ElementsAre(a + 1, b));
  EXPECT_THAT(solved(b_first), ElementsAre(a, b + 1));
}

TEST_F(SolverTest, AddingBetweenSolvesIsSeenWithoutReindexing) {
  const SolvableId a = package("a", 2);
  Goal goal;
  goal.install_one_of(range(a, 2));
  EXPECT_THAT(solved(goal), ElementsAre(a + 1));

  const SolvableId b = package("b", 1);
  pool_.add_requirement(a + 1, pool_.only(b));
  EXPECT_THAT(solved(goal), ElementsAre(a + 1, b));

  pool_.add_requirement(b, pool_.never());
  EXPECT_THAT(solved(goal), ElementsAre(a));
}

TEST_F(SolverTest, ListsMadeBeforeManyOthersStillMeanTheSame) {
  const SolvableId a = package("a", 2);
  const SolvableId b = package("b", 3);
  const Dep some_b = pool_.one_of(range(b, 2));
  for (int i = 0; i < 3000; ++i) package("filler" + std::to_string(i), 1);
  pool_.add_requirement(a, some_b);
  Goal goal;
  goal.install_one_of({a});
  EXPECT_THAT(solved(goal), ElementsAre(a, b + 1));
}

TEST_F(SolverTest, LearnedClausesLeaveThePoolAsItWas) {
  // A pigeonhole problem: refuting it learns many clauses, which the library keeps in the pool.
  constexpr int kPigeons = 6, kHoles = 5;
  std::vector<SolvableId> pigeons;
  for (int p = 0; p < kPigeons; ++p) pigeons.push_back(package("pigeon" + std::to_string(p), kHoles));
  for (int p = 0; p < kPigeons; ++p)
    for (int q = 0; q < p; ++q)
      for (int h = 0; h < kHoles; ++h)
        pool_.add_conflict(pigeons[static_cast<std::size_t>(p)] + h,
                           pool_.only(pigeons[static_cast<std::size_t>(q)] + h));
  Goal goal;
  for (const SolvableId first : pigeons) goal.install_one_of(range(first, kHoles));
  const std::size_t before = pool_.lists_size();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(refuted(goal));
  EXPECT_EQ(pool_.lists_size(), before);
}

TEST_F(SolverTest, OneSolverAnswersSeveralGoals) {
  const SolvableId a = package("a", 3);
  const SolvableId b = package("b", 2);
  pool_.add_conflict(a + 2, pool_.only(b + 1));
  Goal both, a_only, contradiction;
  both.install_one_of(range(b, 2));
  both.install_one_of(range(a, 3));
  a_only.install_one_of(range(a, 3));
  contradiction.install_one_of({a + 2});
  contradiction.install_one_of({b + 1});
  Solver solver(pool_);
  EXPECT_TRUE(solver.solve(both));
  EXPECT_THAT(solver.installed(), ElementsAre(a + 1, b + 1));
  EXPECT_FALSE(solver.solve(contradiction));
  EXPECT_TRUE(solver.solve(a_only));
  EXPECT_THAT(solver.installed(), ElementsAre(a + 2));
  EXPECT_TRUE(solver.solve(both));
}

TEST_F(SolverTest, ARefutationNamesTheItemsOfTheGoalFromZero) {
  const SolvableId a = package("a", 1);
  const SolvableId b = package("b", 1);
  const SolvableId c = package("c", 1);
  pool_.add_conflict(a, pool_.only(c));
  Goal goal;
  goal.install_one_of({a});
  goal.install_one_of({b});
  goal.install_one_of({c});
  Solver solver(pool_);
  ASSERT_FALSE(solver.solve(goal));
  std::vector<std::size_t> items;
  bool conflict = false;
  for (const Reason& reason : solver.refutation()) {
    if (reason.kind == Reason::Kind::Goal) items.push_back(reason.item);
    if (reason.kind == Reason::Kind::Conflicts) conflict = reason.from == a && reason.to == c;
  }
  EXPECT_THAT(items, ::testing::UnorderedElementsAre(0, 2));
  EXPECT_TRUE(conflict);
}

TEST_F(SolverTest, ARefutationNamesTheRequirement) {
  const SolvableId a = package("a", 1);
  const SolvableId b = package("b", 1);
  pool_.add_requirement(a, pool_.only(b));
  pool_.add_requirement(b, pool_.never());
  Goal goal;
  goal.install_one_of({a});
  Solver solver(pool_);
  ASSERT_FALSE(solver.solve(goal));
  bool requirement = false, unavailable = false;
  for (const Reason& reason : solver.refutation()) {
    requirement |=
        reason.kind == Reason::Kind::Requires && reason.from == a && pool_.solvable_of(reason.dep) == b;
    unavailable |= reason.kind == Reason::Kind::Unavailable && reason.from == b;
  }
  EXPECT_TRUE(requirement);
  EXPECT_TRUE(unavailable);
}

TEST_F(SolverTest, RequirementsOfThoseAddedBeforeAreDecidedLater) {
  // x is found before y, so its choice comes first, though nothing but the ids says so.
  const SolvableId root = package("root", 1);
  const SolvableId x = package("x", 2);
  const SolvableId y = package("y", 2);
  pool_.add_conflict(x + 1, pool_.only(y + 1));
  const SolvableId any_x = pool_.add_before();
  pool_.describe(any_x, pool_.name("any x"), 0);
  const SolvableId any_y = pool_.add_before();
  pool_.describe(any_y, pool_.name("any y"), 0);
  EXPECT_LT(any_y, any_x);
  pool_.add_requirement(any_x, pool_.one_of(range(x, 2)));
  pool_.add_requirement(any_y, pool_.one_of(range(y, 2)));
  pool_.add_requirement(root, pool_.only(any_y));
  pool_.add_requirement(root, pool_.only(any_x));
  Goal goal;
  goal.install_one_of({root});
  EXPECT_THAT(solved(goal), ::testing::IsSupersetOf({x + 1, y}));
}

TEST_F(SolverTest, AnEmptyGoalInstallsNothing) { EXPECT_THAT(solved(Goal()), IsEmpty()); }

}  // namespace
}  // namespace moat::solv
