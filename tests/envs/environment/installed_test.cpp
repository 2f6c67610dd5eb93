#include "envs/environment/installed.h"

#include "fetch/os/file.h"
#include "tests/envs/folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <vector>

namespace moat::test {
namespace {

std::string metadata(const std::string& name, const std::string& version) {
  return "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n\nbody\n";
}

TEST(Installed, ReadsDistInfoByTheNameInMetadata) {
  const Folder site;
  site.write("Foo.Bar-1.0.dist-info/METADATA", metadata("foo_bar", "1.0"));
  site.write("Foo.Bar-1.0.dist-info/RECORD", "");
  site.write("Foo.Bar-1.0.dist-info/INSTALLER", "pip\n");
  site.write("Foo.Bar-1.0.dist-info/REQUESTED", "");
  site.write("Foo.Bar-1.0.dist-info/direct_url.json", "{}");
  site.write("a-2.dist-info/METADATA", metadata("A", "2"));
  site.write("foo/__init__.py", "");
  const InstalledDistributions installed = InstalledDistributions::read(site.path());
  ASSERT_EQ(installed.all.size(), 2U);
  EXPECT_THAT(installed.problems, testing::IsEmpty());
  EXPECT_EQ(installed.all[0].name.normalized(), "a");
  EXPECT_FALSE(installed.all[0].has_record);
  EXPECT_FALSE(installed.all[0].requested);
  EXPECT_EQ(installed.all[0].installer, "");
  EXPECT_EQ(installed.all[0].direct_url, std::nullopt);
  const InstalledDistribution* foo = installed.find(*PackageName::parse("Foo-Bar"));
  ASSERT_NE(foo, nullptr);
  EXPECT_EQ(foo->version.to_string(), "1.0");
  EXPECT_EQ(foo->installer, "pip");
  EXPECT_TRUE(foo->requested);
  EXPECT_TRUE(foo->has_record);
  EXPECT_EQ(foo->direct_url, "{}");
  EXPECT_EQ(foo->info, site / "Foo.Bar-1.0.dist-info");
  EXPECT_EQ(installed.find(*PackageName::parse("zzz")), nullptr);
}

TEST(Installed, KnowsTheOldForms) {
  const Folder site;
  site.write("dir-1.egg-info/PKG-INFO", metadata("dir", "1"));
  site.write("file-1.egg-info", metadata("file", "1"));
  site.write("egg-1-py3.11.egg/EGG-INFO/PKG-INFO", metadata("egg", "1"));
  site.write("linked.egg-link", "/somewhere\n.");
  const InstalledDistributions installed = InstalledDistributions::read(site.path());
  ASSERT_EQ(installed.all.size(), 3U);
  for (const InstalledDistribution& distribution : installed.all) EXPECT_TRUE(distribution.legacy);
  EXPECT_THAT(installed.problems, testing::ElementsAre(testing::StartsWith("linked.egg-link: ")));
}

TEST(Installed, TellsWhatItCannotUse) {
  const Folder site;
  site.write("~ip-1.0.dist-info/METADATA", metadata("pip", "1.0"));
  site.write("empty-1.0.dist-info/RECORD", "");
  site.write("nameless-1.0.dist-info/METADATA", "Version: 1.0\n");
  site.write("odd-1.0.dist-info/METADATA", metadata("odd", "not a version"));
  site.write("twice-1.0.dist-info/METADATA", metadata("twice", "1.0"));
  site.write("twice-2.0.dist-info/METADATA", metadata("Twice", "2.0"));
  const InstalledDistributions installed = InstalledDistributions::read(site.path());
  EXPECT_EQ(installed.all.size(), 2U);
  EXPECT_THAT(installed.problems,
              testing::UnorderedElementsAre("~ip-1.0.dist-info: left over from an interrupted pip",
                                            "empty-1.0.dist-info: has no METADATA",
                                            testing::StartsWith("nameless-1.0.dist-info: "),
                                            testing::StartsWith("odd-1.0.dist-info: "),
                                            "twice-2.0.dist-info: twice is installed twice"));
}

TEST(Installed, WhatIsNoFileIsDamageOfOne) {
  const Folder site;
  site.write("a-1.dist-info/METADATA", metadata("a", "1"));
  make_directories(site / "a-1.dist-info/direct_url.json");
  site.write("b-1.dist-info/METADATA", metadata("b", "1"));
  std::filesystem::create_symlink("INSTALLER", site / "b-1.dist-info/INSTALLER");
  site.write("c-1.dist-info/METADATA", metadata("c", "1"));
  const InstalledDistributions installed = InstalledDistributions::read(site.path());
  ASSERT_EQ(installed.all.size(), 1U);
  EXPECT_EQ(installed.problems.size(), 2U);
}

// A distribution that cannot be seen now is not one that is not there.
TEST(Installed, WhereNothingCanBeReadNothingIsTold) {
  const Folder site;
  site.write("a-1.dist-info/METADATA", metadata("a", "1"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  {
    std::vector<UniqueFd> open;
    while (const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC) + 1) open.emplace_back(fd - 1);
    EXPECT_THROW((void)InstalledDistributions::read(site.path()), Error);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(InstalledDistributions::read(site.path()).all.size(), 1U);
}

TEST(Installed, AMissingDirectoryHoldsNothing) {
  const Folder folder;
  EXPECT_TRUE(InstalledDistributions::read(folder / "none").all.empty());
}

}  // namespace
}  // namespace moat::test
