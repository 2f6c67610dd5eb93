// Which platforms and Pythons a lock is for.
#include "envs/install/lock_targets.h"

#include "resolver/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// CPython 3.12 on x86_64 linux.
Interpreter here() {
  Interpreter python;
  python.implementation = "cpython";
  python.version = "3.12.4";
  python.major = 3;
  python.minor = 12;
  python.micro = 4;
  python.markers = foreign_target("3.12.4", {"linux-x86_64"}, nullptr)->environment;
  return python;
}

std::vector<std::string> pythons_of(const LockSpace& space) {
  std::vector<std::string> out;
  for (const PythonMinor& python : space.pythons) out.push_back(python.to_string());
  return out;
}

std::vector<std::string> environments(const LockSpace& space) {
  std::vector<std::string> out;
  for (const Marker& marker : environments_of(space)) out.push_back(marker.to_string());
  return out;
}

std::string refusal(const TargetsAsked& asked) {
  try {
    lock_space(asked, here(), nullptr);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LockTargets, AreSeveralOnlyIfSeveralAreAskedFor) {
  EXPECT_EQ(lock_space({}, here(), nullptr), std::nullopt);
  EXPECT_EQ(lock_space({.platforms = {"linux-aarch64"}, .is_for_all = true}, here(), nullptr), std::nullopt);
  const auto two = lock_space({.platforms = {"linux-x86_64", "macos-arm64"}}, here(), nullptr);
  ASSERT_TRUE(two);
  EXPECT_THAT(two->platforms, ElementsAre("linux-x86_64", "macos-arm64"));
  EXPECT_THAT(pythons_of(*two), ElementsAre("3.12"));
  EXPECT_TRUE(two->is_declared);
}

TEST(LockTargets, OfAProjectAreTheUsualOnesAndThisMachine) {
  const auto space = lock_space(
      {.is_for_all = true, .requires_python = SpecifierSet::parse(">=3.11,<3.14").value()}, here(), nullptr);
  ASSERT_TRUE(space);
  EXPECT_THAT(space->platforms,
              ElementsAre("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64"));
  EXPECT_THAT(pythons_of(*space), ElementsAre("3.13", "3.12", "3.11"));
  EXPECT_FALSE(space->is_declared);
  for (const LockTarget& target : space->targets)
    EXPECT_EQ(target.may_be_left_out,
              target.name != "linux-x86_64" || target.target.environment.python_version != "3.12");
}

TEST(LockTargets, NamedReleasesLeaveEarlierOnesOut) {
  const auto space = lock_space({.python_versions = {"3.14.2", "3.12"}}, here(), nullptr);
  ASSERT_TRUE(space);
  EXPECT_EQ(space->requires_python, SpecifierSet::parse(">=3.12,<3.15,!=3.14.0,!=3.14.1").value());
  EXPECT_THAT(pythons_of(*space), ElementsAre("3.14", "3.12"));
  EXPECT_EQ(space->targets.front().target.python.to_string(), "3.14.2");
}

TEST(LockTargets, OfTheExistingLockStay) {
  Pylock earlier;
  earlier.inputs = LockedInputs{.targets = {"windows-arm64"}, .pythons = {"3.10", "3.12"}};
  earlier.requires_python = SpecifierSet::parse(">=3.10").value();
  const auto space = lock_space({.is_for_all = true}, here(), &earlier);
  ASSERT_TRUE(space);
  EXPECT_THAT(space->platforms, ::testing::Contains("windows-arm64"));
  EXPECT_EQ(space->requires_python, *earlier.requires_python);
  EXPECT_EQ(pythons_of(*space).back(), "3.10");
}

// A colleague with PyPy must not make the lock of everybody else one for PyPy.
TEST(LockTargets, OfOthersStayWhereThisPythonIsRare) {
  Interpreter pypy = here();
  pypy.implementation = "pypy";
  pypy.markers.implementation_name = "pypy";
  pypy.markers.platform_python_implementation = "PyPy";
  const TargetsAsked asked{.is_for_all = true,
                           .requires_python = SpecifierSet::parse(">=3.11,<3.13").value()};
  const auto alone = lock_space(asked, pypy, nullptr);
  ASSERT_TRUE(alone);
  ASSERT_EQ(alone->targets.size(), 1U);
  EXPECT_EQ(alone->targets[0].target.environment.implementation_name, "pypy");

  const auto lock_of = [](const LockSpace& space) {
    Pylock lock;
    lock.inputs = {.targets = space.platforms};
    for (const PythonMinor& python : space.pythons) lock.inputs->pythons.push_back(python.to_string());
    lock.environments = environments_of(space);
    lock.has_environments = true;
    return lock;
  };
  const Pylock of_others = lock_of(lock_space(asked, here(), nullptr).value());
  const auto kept = lock_space(asked, pypy, &of_others);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->platforms, of_others.inputs->targets);
  EXPECT_THAT(pythons_of(*kept), ElementsAre("3.12", "3.11"));
  for (const LockTarget& target : kept->targets) {
    EXPECT_EQ(target.target.environment.implementation_name, "cpython");
    EXPECT_EQ(target.may_be_left_out, &target != &kept->targets.front());
  }
  const Pylock own = lock_of(*alone);
  EXPECT_EQ(lock_space(asked, pypy, &own)->targets.size(), 1U);
}

TEST(LockTargets, ThatMarkersCannotTellApartAreRefused) {
  EXPECT_THAT(refusal({.platforms = {"manylinux_2_28_x86_64", "linux-x86_64"}}),
              HasSubstr("are one platform to markers"));
  EXPECT_THAT(refusal({.platforms = {"linux-x86_64", "amiga"}}), HasSubstr("target `amiga`"));
  EXPECT_THAT(refusal({.python_versions = {"3.12", "two"}}), HasSubstr("is not a Python version"));
  EXPECT_THAT(refusal({.python_versions = {"3.9", "3.12"},
                       .is_for_all = true,
                       .requires_python = SpecifierSet::parse(">=3.10").value()}),
              HasSubstr("the lock would also be for 3.9"));
}

TEST(LockSpaceTest, ItsEnvironmentsSayWhatIsLeftOut) {
  auto space = lock_space({.platforms = {"linux-x86_64", "macos-arm64"}, .python_versions = {"3.12", "3.13"}},
                          here(), nullptr);
  ASSERT_TRUE(space);
  const std::string linux =
      R"(sys_platform == "linux" and platform_machine == "x86_64" and implementation_name == "cpython")";
  const std::string macos =
      R"(sys_platform == "darwin" and platform_machine == "arm64" and implementation_name == "cpython")";
  EXPECT_THAT(environments(*space), ElementsAre(linux, macos));
  space->left_out = {1};  // macos with 3.13
  EXPECT_THAT(environments(*space), ElementsAre(linux, macos + R"( and python_version <= "3.12")"));
  space->is_universal = true;
  EXPECT_THAT(environments(*space), IsEmpty());
}

TEST(LockSpaceTest, TargetsThatTheLockExcludesAreLeftOut) {
  auto space = lock_space({.platforms = {"linux-x86_64", "macos-arm64"}}, here(), nullptr);
  ASSERT_TRUE(space);
  Pylock lock;
  leave_out_excluded(*space, lock);
  EXPECT_EQ(space->kept().size(), 2U);
  lock.has_environments = true;
  lock.environments = {Marker::parse("sys_platform == \"darwin\"").value()};
  leave_out_excluded(*space, lock);
  ASSERT_EQ(space->kept().size(), 1U);
  EXPECT_EQ(space->kept().front()->name, "macos-arm64");
}

TEST(LockSpaceTest, TellsWhatCannotBeInstalledWhere) {
  const auto space = lock_space({.platforms = {"linux-x86_64", "macos-arm64"}}, here(), nullptr);
  ASSERT_TRUE(space);
  Pylock lock;
  LockedPackage package{.name = PackageName::parse("a").value(), .version = Version::parse("1.0").value()};
  package.wheels.push_back({.name = "a-1.0-cp312-cp312-macosx_11_0_arm64.whl"});
  lock.packages.push_back(package);
  EXPECT_THAT(unproved(lock, *space, true),
              ElementsAre("linux-x86_64 with Python 3.12: a 1.0 has no file for it: "
                          "a-1.0-cp312-cp312-macosx_11_0_arm64.whl"));
  lock.packages[0].sdist = LockedFile{.name = "a-1.0.tar.gz"};
  EXPECT_THAT(unproved(lock, *space, true), IsEmpty());
  EXPECT_THAT(unproved(lock, *space, false), ElementsAre(HasSubstr("and sources may not be built")));
}

}  // namespace
}  // namespace moat
