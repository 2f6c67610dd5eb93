// Builds that need builds.
#include "tests/envs/build_fixture.h"

#include <gmock/gmock.h>

#include <thread>

namespace moat::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NestedBuildTest : public BuildTest {
 protected:
  // NAME 1.0, which was offered.
  BuildRequest built(const std::string& name) const {
    return {.tree = {folder() / (name + "-1.0"), name + " 1.0", "test:" + name},
            .name = PackageName::parse(name).value(),
            .version = Version::parse("1.0").value(),
            .settings = {}};
  }
};

TEST_F(NestedBuildTest, BuildsWhatIsThereAsASourceOnly) {
  offer("below", "");
  offer("needed", "'below'", "\nimport below\n");
  offer("foo", "'needed'", "\nimport needed\ndef _files(): return {'out': needed.made_by}\n");
  const StoredWheel wheel = frontend()->build_wheel(built("foo"), {});
  EXPECT_THAT(content(wheel, "out"), HasSubstr("3."));
}

TEST_F(NestedBuildTest, TellsTheCircleOfTwo) {
  offer("ham", "'egg'");
  offer("egg", "'ham'");
  const Told error = told([&] { frontend()->build_wheel(built("ham"), {}); });
  EXPECT_THAT(error.error, AllOf(HasSubstr("build requirements form a cycle: ham 1.0 needs egg 1.0"),
                                 HasSubstr("needs ham 1.0")));
  EXPECT_EQ(error.error.substr(0, 7), "build: ");
}

TEST_F(NestedBuildTest, TellsWhatNeedsItself) {
  offer("bomb", "'bomb'");
  EXPECT_THAT(told([&] { frontend()->build_wheel(built("bomb"), {}); }).error,
              HasSubstr("build requirements form a cycle: bomb 1.0 needs bomb 1.0"));
  // … where the backend asks for it, and not the file.
  offer("late", "", "\ndef get_requires_for_build_wheel(settings=None): return ['late']\n");
  EXPECT_THAT(told([&] { frontend()->build_wheel(built("late"), {}); }).error,
              HasSubstr("build requirements form a cycle: late 1.0 needs late 1.0"));
}

TEST_F(NestedBuildTest, EndsACircleThatWheelsBreak) {
  offer("ham", "'egg'");
  offer("egg", "'ham'");
  index_.add(WheelBuilder("ham", "0.9").file("ham.py", ""));
  BuildOptions options;
  options.requirements.binary.by_name[PackageName::parse("ham").value()] = {true, false};
  const auto builder = frontend(options);
  BuildRequest egg = built("egg");
  EXPECT_EQ(builder->build_wheel(egg, {}).dist_info, "egg-1.0.dist-info");
}

// Each thread builds what the other one is building: none may wait for the other.
TEST_F(NestedBuildTest, ThreadsDoNotWaitForEachOtherInACircle) {
  offer("ham", "'egg'");
  offer("egg", "'ham'");
  const auto builder = frontend();
  std::vector<std::string> errors(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < errors.size(); ++i)
      threads.emplace_back([&, i] {
        errors[i] = told([&] { builder->build_wheel(built(i % 2 == 0 ? "ham" : "egg"), {}); }).error;
      });
  }
  for (const std::string& error : errors) EXPECT_THAT(error, HasSubstr("form a cycle"));
}

TEST_F(NestedBuildTest, BuildsNoRequirementThatMayNotBeBuilt) {
  offer("needed", "");
  offer("foo", "'needed'");
  BuildOptions options;
  options.requirements.binary.by_name[PackageName::parse("needed").value()] = {true, false};
  const Told error = told([&] { frontend(options)->build_wheel(built("foo"), {}); });
  EXPECT_THAT(error.error, HasSubstr("build requirements of foo 1.0: "));
  EXPECT_THAT(ran(folder() / "needed-1.0"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace moat::test
