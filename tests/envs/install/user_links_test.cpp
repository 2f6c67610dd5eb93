#include "envs/install/user_links.h"

#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct UserLinksTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "links"};
  UserLinks links{folder.path() / "bin", folder.path() / "data", folder.path() / "data" / "tools" / "own"};

  void refuses(const std::string& command, const std::string& words) {
    try {
      check_names_are_free({command}, links);
      FAIL() << command;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Refused);
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  }
};

TEST_F(UserLinksTest, OnlyLinksIntoMoatsDataMayBeReplaced) {
  fs::create_directories(links.bin_dir);
  write_file_atomically(links.bin_dir / "file", "");
  fs::create_symlink("/usr/bin/true", links.bin_dir / "foreign");
  fs::create_symlink("/nowhere", links.bin_dir / "dangling");
  fs::create_symlink(links.data_dir / "user" / "bin" / "x", links.bin_dir / "ours");
  fs::create_symlink(links.data_dir.native() + "-not/x", links.bin_dir / "beside");
  check_names_are_free({"new", "ours"}, links);
  for (const char* name : {"file", "foreign", "dangling", "beside"})
    refuses(name, (links.bin_dir / name).native());
}

TEST_F(UserLinksTest, TheCommandOfAnotherEnvironmentIsTakenWhileItIsThere) {
  fs::create_directories(links.bin_dir);
  for (const char* where : {"user", "tools/other", "tools/own"}) {
    const fs::path bin = links.data_dir / where / "bin";
    fs::create_directories(bin);
    write_file_atomically(bin / "x", "");
    fs::remove(links.bin_dir / "x");
    fs::create_symlink(bin / "x", links.bin_dir / "x");
    if (std::string(where) == "tools/own")
      check_names_are_free({"x"}, links);
    else
      refuses("x", where == std::string("user") ? "--user" : "`other`");
  }
  fs::remove(links.bin_dir / "x");
  fs::create_symlink(links.data_dir / "tools/other/bin/x", links.bin_dir / "x");
  EXPECT_FALSE(set_links({"x"}, links));
  EXPECT_EQ(fs::read_symlink(links.bin_dir / "x"), links.data_dir / "tools/other/bin/x");
  fs::remove_all(links.data_dir / "tools/other");
  EXPECT_TRUE(set_links({"x"}, links));
  EXPECT_EQ(fs::read_symlink(links.bin_dir / "x"), links.environment / "bin/x");
  EXPECT_FALSE(set_links({}, links));
  EXPECT_FALSE(fs::exists(fs::symlink_status(links.bin_dir / "x")));
}

TEST_F(UserLinksTest, CommandsOfAWheelAreItsEntryPointsAndScripts) {
  const fs::path tree = folder.path() / "tree";
  fs::create_directories(tree / "x-1.dist-info");
  write_file_atomically(tree / "x-1.dist-info" / "entry_points.txt",
                        "[console_scripts]\n# a comment\nfoo = x:main\n bar=x:main [extra]\n[other]\nno = "
                        "x\n[gui_scripts]\nwin = x:run\n");
  StoredWheel wheel{.digest = {"sha256", std::string(64, '0')}, .tree = tree, .dist_info = "x-1.dist-info"};
  wheel.files.push_back({.path = "x-1.data/scripts/run.sh", .digest = wheel.digest});
  wheel.files.push_back({.path = "x/scripts/not-this", .digest = wheel.digest});
  EXPECT_THAT(commands_of(wheel), ElementsAre("bar", "foo", "run.sh", "win"));
}

// Such a wheel is refused when it is installed.
TEST_F(UserLinksTest, EntryPointsThatAreRefusedAreNoCommands) {
  const fs::path tree = folder.path() / "tree";
  fs::create_directories(tree / "x-1.dist-info");
  write_file_atomically(tree / "x-1.dist-info" / "entry_points.txt", "[console_scripts]\n../foo = x:main\n");
  EXPECT_THAT(
      commands_of({.digest = {"sha256", std::string(64, '0')}, .tree = tree, .dist_info = "x-1.dist-info"}),
      IsEmpty());
}

TEST_F(UserLinksTest, TheManifestKnowsTheCommandsOfWhatWasAskedForByName) {
  Manifest manifest;
  manifest.packages = {{"asked", "1", "", true}, {"needed", "1", "", false}};
  manifest.entries = {{"bin/a", "", 0, 0755, "asked"},
                      {"bin/n", "", 0, 0755, "needed"},
                      {"bin/python", "", 0, 0755, ""},
                      {"bin/sub/x", "", 0, 0755, "asked"},
                      {"lib/a", "", 0, 0644, "asked"}};
  EXPECT_THAT(requested_commands(manifest), ElementsAre("a"));
  EXPECT_THAT(package_commands(manifest, "needed"), ElementsAre("n"));
}

}  // namespace
}  // namespace moat
