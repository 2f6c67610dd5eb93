#include "resolver/files/static_metadata.h"

#include "resolver/pep/metadata.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moat {
namespace {

std::string pkg_info(const std::string& version, const std::string& lines) {
  return "Metadata-Version: " + version + "\nName: foo\nVersion: 1.0\n" + lines + "\n";
}

TEST(StaticMetadata, PkgInfoOf22CountsWhereItsDependenciesAreNotDynamic) {
  EXPECT_TRUE(static_metadata({pkg_info("2.2", "Requires-Dist: bar\n"), {}}));
  EXPECT_TRUE(static_metadata({pkg_info("2.2", "Dynamic: license-file\n"), {}}));
  EXPECT_FALSE(static_metadata({pkg_info("2.1", "Requires-Dist: bar\n"), {}}));
  EXPECT_FALSE(static_metadata({pkg_info("2.2", "Dynamic: Requires-Dist\n"), {}}));
  EXPECT_FALSE(static_metadata({pkg_info("2.2", "Dynamic: Requires-Python\n"), {}}));
  EXPECT_FALSE(static_metadata({pkg_info("2.2", "Dynamic: Provides-Extra\n"), {}}));
  EXPECT_FALSE(static_metadata({"garbage", {}}));
  EXPECT_FALSE(static_metadata({}));
}

TEST(StaticMetadata, WhatMayOnlyGrowIsNotEnough) {
  EXPECT_FALSE(static_metadata({pkg_info("2.6", "Requires-Dist: bar\nDynamic: Requires-Dist\n"), {}}));
}

TEST(StaticMetadata, PyprojectTellsWhereNothingIsDynamic) {
  const std::string project =
      "[project]\nname = 'Foo'\nversion = '1.0'\nrequires-python = '>=3.8'\n"
      "dependencies = [\"bar>=1; os_name == 'nt' or os_name == 'posix'\"]\n"
      "[project.optional-dependencies]\nX_y = ['baz', \"qux; python_version < '3' or python_version > "
      "'3'\"]\n";
  const auto text = static_metadata({{}, project});
  ASSERT_TRUE(text);
  const auto core = CoreMetadata::parse(*text);
  ASSERT_TRUE(core) << core.error().message;
  EXPECT_EQ(core->name.normalized(), "foo");
  EXPECT_EQ(core->version.to_string(), "1.0");
  EXPECT_EQ(core->requires_python->to_string(), ">=3.8");
  std::vector<std::string> needs;
  for (const Requirement& requirement : core->requires_dist) needs.push_back(requirement.to_string());
  EXPECT_EQ(needs, (std::vector<std::string>{
                       "bar>=1; os_name == \"nt\" or os_name == \"posix\"", "baz; extra == \"x-y\"",
                       "qux; (python_version < \"3\" or python_version > \"3\") and extra == \"x-y\""}));
  ASSERT_EQ(core->provides_extra.size(), 1U);
}

TEST(StaticMetadata, ADynamicVersionMayComeFromPkgInfo) {
  const std::string project = "[project]\nname = 'foo'\ndynamic = ['version']\ndependencies = ['bar']\n";
  EXPECT_FALSE(static_metadata({{}, project}));
  const auto text = static_metadata({pkg_info("2.1", "Requires-Dist: wrong\n"), project});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("Requires-Dist: bar"), std::string::npos);
  EXPECT_NE(text->find("Version: 1.0"), std::string::npos);
}

TEST(StaticMetadata, WhatIsDynamicOrNoRequirementIsLeftToTheBackend) {
  const std::string head = "[project]\nname = 'foo'\nversion = '1.0'\n";
  EXPECT_TRUE(static_metadata({{}, head}));
  EXPECT_TRUE(static_metadata({{}, head + "dynamic = ['readme']\n"}));
  EXPECT_FALSE(static_metadata({{}, head + "dynamic = ['dependencies']\n"}));
  EXPECT_FALSE(static_metadata({{}, head + "dynamic = ['optional-dependencies']\n"}));
  EXPECT_FALSE(static_metadata({{}, head + "dependencies = ['not a requirement']\n"}));
  EXPECT_FALSE(static_metadata({{}, "[build-system]\nrequires = []\n"}));
  EXPECT_FALSE(static_metadata({{}, "not toml ["}));
}

TEST(StaticMetadata, ATextInAMarkerAddsNoLine) {
  const std::string head = "[project]\nname = 'foo'\nversion = '1.0'\n";
  EXPECT_FALSE(
      static_metadata({{}, head + "dependencies = [\"bar; os_name != 'x\\nRequires-Dist: baz'\"]\n"}));
}

TEST(StaticMetadata, TheNameIsToldByEither) {
  EXPECT_EQ(static_name({pkg_info("1.0", ""), {}})->normalized(), "foo");
  EXPECT_EQ(static_name({{}, "[project]\nname = 'Bar'\ndynamic = ['version']\n"})->normalized(), "bar");
  EXPECT_FALSE(static_name({{}, "[build-system]\nrequires = []\n"}));
}

}  // namespace
}  // namespace moat
