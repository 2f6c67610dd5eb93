#include "envs/install/shown_commands.h"

#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct ShownCommandsTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "shown"};
  fs::path data = folder.path() / "data";
  CommandPlaces places{folder.path() / "bin", data, data / "user", data / "tools"};

  WantedPackage wanted(const std::string& name, const std::string& command, bool requested = true) const {
    const fs::path tree = folder.path() / name;
    fs::create_directories(tree / "x.dist-info");
    if (!command.empty())
      write_file_atomically(tree / "x.dist-info/entry_points.txt",
                            "[console_scripts]\n" + command + " = x:main\n");
    WantedPackage out{PackageName::parse(name).value(), Version::parse("1").value(), {}, requested, {}};
    out.wheel.tree = tree;
    out.wheel.dist_info = "x.dist-info";
    return out;
  }
  std::string refusal(const TransactionRequest& request, const fs::path& root) const {
    try {
      check_commands(request, root, places);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
};

TEST_F(ShownCommandsTest, TheKindOfEnvironmentDecidesWhoseAreShown) {
  Manifest manifest;
  manifest.packages = {{"app", "1", "", true}, {"more", "1", "", true}, {"needed", "1", "", false}};
  manifest.entries = {
      {"bin/a", "", 0, 0755, "app"}, {"bin/m", "", 0, 0755, "more"}, {"bin/n", "", 0, 0755, "needed"}};
  EXPECT_THAT(shown_commands(data / "user", manifest, places), ElementsAre("a", "m"));
  EXPECT_THAT(shown_commands(data / "tools/app", manifest, places), ElementsAre("a"));
  EXPECT_THAT(shown_commands(data / "envs/app", manifest, places), IsEmpty());
}

TEST_F(ShownCommandsTest, ATakenNameIsRefusedWhereItWouldBeShown) {
  fs::create_directories(places.bin_dir);
  write_file_atomically(places.bin_dir / "run", "mine");
  const TransactionRequest request{.install = {wanted("app", "run"), wanted("needed", "other", false)}};
  EXPECT_THAT(refusal(request, data / "user"), HasSubstr("would replace"));
  EXPECT_THAT(refusal(request, data / "tools/app"), HasSubstr("would replace"));
  EXPECT_EQ(refusal(request, data / "envs/lab"), "");
  EXPECT_EQ(refusal({.install = {wanted("needed", "run", false)}}, data / "user"), "");
}

TEST_F(ShownCommandsTest, AnApplicationHasACommand) {
  const TransactionRequest request{.install = {wanted("app", ""), wanted("needed", "run", false)}};
  EXPECT_THAT(refusal(request, data / "tools/app"), HasSubstr("has no command"));
  EXPECT_EQ(refusal(request, data / "user"), "");
}

// A dry run fetches nothing.
TEST_F(ShownCommandsTest, WithoutItsWheelThereIsNothingToRefuse) {
  WantedPackage unknown = wanted("app", "");
  unknown.wheel = {};
  EXPECT_EQ(refusal({.install = {unknown}}, data / "tools/app"), "");
}

}  // namespace
}  // namespace moat
