#include "resolver/solve/available_versions.h"

#include "tests/support/fake_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::package_name;
using testing::version;

struct AvailableVersionsTest : ::testing::Test {
  AvailableVersionsTest() {
    request.target.environment.python_full_version = "3.12.0";
    request.target.python = version("3.12");
    request.target.tags = TagSet::anything();
    source.add({.name = "a", .version = "1.0"});
    source.add({.name = "a", .version = "2.0", .yanked = "broken"});
    source.add({.name = "a", .version = "2.1", .index_python = ">=3.13"});
    source.add({.name = "a", .version = "3.0rc1"});
  }
  std::vector<std::string> available() {
    std::vector<std::string> out;
    for (const AvailableVersion& one : available_versions(package_name("a"), request, source))
      out.push_back(one.version.to_string());
    return out;
  }
  // Beside this version.
  std::string newest(const std::string& present, NewerPrereleases newer) {
    const auto found = newest_versions({{package_name("a"), version(present)}}, request, newer, source);
    return found.empty() ? "" : found.begin()->second.version.to_string();
  }

  testing::FakeSource source;
  ResolveRequest request{.target = {{}, {}, version("3.12"), {}}};
};

TEST_F(AvailableVersionsTest, AreThoseThatTheTargetMayChoose) {
  EXPECT_THAT(available(), ElementsAre("1.0"));
  request.ignore_requires_python = true;
  EXPECT_THAT(available(), ElementsAre("2.1", "1.0"));
  request.prereleases.otherwise = Prereleases::Allow;
  EXPECT_THAT(available(), ElementsAre("3.0rc1", "2.1", "1.0"));
}

TEST_F(AvailableVersionsTest, ASourceCountsWhereItMayBeBuilt) {
  source.add({.name = "a", .version = "4.0", .tags = {}, .sdist = true});
  request.can_build = false;
  EXPECT_THAT(available(), ElementsAre("1.0"));
  request.can_build = true;
  EXPECT_THAT(available(), ElementsAre("4.0", "1.0"));
  EXPECT_FALSE(available_versions(package_name("a"), request, source).front().wheel);
}

TEST_F(AvailableVersionsTest, WhoHasAPreReleaseGetsNewerOnes) {
  EXPECT_EQ(newest("1.0", NewerPrereleases::OfThose), "1.0");
  EXPECT_EQ(newest("2.0rc1", NewerPrereleases::OfThose), "3.0rc1");
  EXPECT_EQ(newest("2.0rc1", NewerPrereleases::AsRequested), "1.0");
  EXPECT_THAT(
      newest_versions({{package_name("unknown"), version("1")}}, request, NewerPrereleases::OfThose, source),
      IsEmpty());
}

}  // namespace
}  // namespace moat
