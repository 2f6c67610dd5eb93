// From a goal to versions or to a value that says why there are none, without a command line.
#include "envs/install/resolve_goal.h"

#include "fetch/os/file.h"
#include "tests/envs/install/resolving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing::WheelBuilder;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

struct ResolveGoalTest : testing::Resolving {
  void asks(const std::string& text, const std::string& where = "") {
    goal.requirements.push_back({Requirement::parse(text).value(), {where}, {}});
  }
  // Installed, by its metadata.
  void there(const std::string& package, const std::string& version,
             const std::vector<std::string>& requires_dist = {}) {
    const fs::path info = folder.path() / "site" / (package + "-" + version + ".dist-info");
    fs::create_directories(info);
    std::string text = "Metadata-Version: 2.1\nName: " + package + "\nVersion: " + version + "\n";
    for (const std::string& line : requires_dist) text += "Requires-Dist: " + line + "\n";
    write_file_atomically(info / "METADATA", text);
    write_file_atomically(info / "RECORD", "");
    present.versions.insert_or_assign(name(package), Version::parse(version).value());
  }
  GoalOutcome resolve_beside(const ResolvePolicy& policy = {}) {
    fs::create_directories(folder.path() / "site");
    const InstalledGraph graph(InstalledDistributions::read(folder.path() / "site"), target.environment);
    return resolve_for(goal, policy, target, graph, present, resolving());
  }
  static std::vector<std::string> versions(const GoalOutcome& outcome) {
    std::vector<std::string> out;
    if (const auto* const resolution = std::get_if<Resolution>(&outcome))
      for (const ResolvedPackage& package : resolution->packages)
        out.push_back(package.name.normalized() + " " + package.version.to_string());
    return out;
  }

  Target target = foreign_target("3.12", {"linux-x86_64"}, nullptr).value();
  Goal goal;
  Present present;
};

TEST_F(ResolveGoalTest, GivesTheNewestOrWhatIsPreferred) {
  index.add(WheelBuilder("a", "1.0"));
  index.add(WheelBuilder("a", "2.0"));
  asks("a");
  const std::map<PackageName, Version> kept = {{name("a"), Version::parse("1.0").value()}};
  EXPECT_THAT(versions(resolve_goal(goal, {}, target, {}, resolving())), ElementsAre("a 2.0"));
  EXPECT_THAT(versions(resolve_goal(goal, {}, target, kept, resolving())), ElementsAre("a 1.0"));
  EXPECT_THAT(versions(resolve_goal(goal, {.upgrade = true}, target, kept, resolving())),
              ElementsAre("a 2.0"));
  EXPECT_THAT(versions(resolve_goal(goal, {.upgrade_packages = {name("a")}}, target, kept, resolving())),
              ElementsAre("a 2.0"));
}

TEST_F(ResolveGoalTest, AConflictIsAValueWithItsFixes) {
  index.add(WheelBuilder("a", "1.0").requires_dist("b>=2"));
  index.add(WheelBuilder("b", "1.0"));
  index.add(WheelBuilder("b", "2.0"));
  asks("a");
  asks("b<2", "all.txt:2");
  const GoalOutcome outcome = resolve_goal(goal, {}, target, {}, resolving());
  const auto* const unmet = std::get_if<Unmet>(&outcome);
  ASSERT_NE(unmet, nullptr);
  EXPECT_EQ(unmet->conflict.core.size(), 2U);
  EXPECT_EQ(unmet->target.description, target.description);
  ASSERT_FALSE(unmet->found.fixes.empty());
  const Goal fixed = apply_fix(goal, *unmet, 1);
  EXPECT_THAT(versions(resolve_goal(fixed, {}, target, {}, resolving())), ElementsAre("a 1.0", "b 2.0"));
  EXPECT_THROW(apply_fix(goal, *unmet, 9), Error);
}

TEST_F(ResolveGoalTest, ANameThatNoIndexHasComesWithOneThatIsNear) {
  there("requests", "1.0");
  asks("reqeusts");
  const GoalOutcome outcome = resolve_beside();
  const auto* const unmet = std::get_if<Unmet>(&outcome);
  ASSERT_NE(unmet, nullptr);
  EXPECT_TRUE(lacks_a_project(unmet->conflict));
  EXPECT_EQ(unmet->near.at(name("reqeusts")), "requests");
}

TEST_F(ResolveGoalTest, MissingHashesAreTheLinesThatWouldHaveThem) {
  index.add(WheelBuilder("a", "1.0").requires_dist("b"));
  index.add(WheelBuilder("b", "1.0"));
  asks("a==1.0", "all.txt:1");
  goal.require_hashes = true;
  const GoalOutcome outcome = resolve_goal(goal, {}, target, {}, resolving());
  const auto* const unpinned = std::get_if<UnpinnedLines>(&outcome);
  ASSERT_NE(unpinned, nullptr);
  EXPECT_THAT(unpinned->lines,
              ElementsAre(StartsWith("a==1.0 --hash=sha256:"), StartsWith("b==1.0 --hash=sha256:")));
}

TEST_F(ResolveGoalTest, ChangesWhatTheAnswerWouldBreak) {
  there("app", "1.0", {"lib<2"});
  there("lib", "1.0");
  index.add(WheelBuilder("app", "1.0").requires_dist("lib<2"));
  index.add(WheelBuilder("app", "1.1").requires_dist("lib"));
  index.add(WheelBuilder("lib", "1.0"));
  index.add(WheelBuilder("lib", "2.0"));
  asks("lib>=2");
  EXPECT_THAT(versions(resolve_beside()), ElementsAre("app 1.1", "lib 2.0"));
  EXPECT_THAT(versions(resolve_beside({.no_deps = true})), ElementsAre("lib 2.0"));
}

TEST_F(ResolveGoalTest, KeepsToWhatWasAskedForEarlier) {
  index.add(WheelBuilder("a", "1.0").requires_dist("b"));
  index.add(WheelBuilder("b", "1.0"));
  index.add(WheelBuilder("b", "2.0"));
  asks("a");
  goal.earlier.push_back({Requirement::parse("b<2").value(), {"earlier"}, {}});
  EXPECT_THAT(versions(resolve_beside()), ElementsAre("a 1.0", "b 1.0"));
}

TEST_F(ResolveGoalTest, AFixIsTakenOnlyWhereThereIsAConflict) {
  index.add(WheelBuilder("a", "1.0").requires_dist("b>=2"));
  index.add(WheelBuilder("b", "1.0"));
  index.add(WheelBuilder("b", "2.0"));
  asks("a");
  EXPECT_THROW(resolve_beside({.fix = 1}), Error);
  asks("b<2");
  EXPECT_THAT(versions(resolve_beside({.fix = 1})), ElementsAre("a 1.0", "b 2.0"));
  EXPECT_TRUE(goal.requirements[1].requirement.specifier.contains(Version::parse("2.0").value()))
      << "the goal is changed as the fix says";
}

TEST_F(ResolveGoalTest, ExcludesVulnerableVersionsUntilNoneIsLeft) {
  index.add(WheelBuilder("a", "1.0"));
  index.add(WheelBuilder("a", "2.0"));
  asks("a");
  ResolveTools tools = resolving();
  tools.terms.no_vulnerable = true;
  tools.exclude_vulnerable = [](const std::vector<const ResolvedPackage*>& chosen) {
    std::vector<RootRequirement> out;
    if (chosen.front()->version == Version::parse("2.0").value())
      out.push_back({Requirement::parse("a!=2.0").value(), {"known"}, {}});
    return out;
  };
  EXPECT_THAT(versions(resolve_goal(goal, {}, target, {}, tools)), ElementsAre("a 1.0"));
  asks("a>=2");
  const GoalOutcome outcome = resolve_goal(goal, {}, target, {}, tools);
  ASSERT_TRUE(std::holds_alternative<Unmet>(outcome));
  EXPECT_THAT(std::get<Unmet>(outcome).found.fixes, IsEmpty()) << "a fix may bring the version back";
}

TEST_F(ResolveGoalTest, ATypoInTheNamesToUpgradeIsRefused) {
  Resolution resolution;
  const std::map<PackageName, Version> before = {{name("requests"), Version::parse("1.0").value()}};
  check_upgrades({.upgrade_packages = {name("requests")}}, resolution, before);
  try {
    check_upgrades({.upgrade_packages = {name("reqeusts")}}, resolution, before);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("nothing here needs it"));
    EXPECT_THAT(error.hints(), ElementsAre("did you mean `-P requests`?"));
  }
}

}  // namespace
}  // namespace moat
