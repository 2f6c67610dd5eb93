#include "resolver/pep/dist_filename.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

WheelFilename wheel(std::string_view text) { return WheelFilename::parse(text).value(); }
PackageName project(std::string_view text) { return PackageName::parse(text).value(); }

TEST(WheelFilename, HasNameVersionBuildAndTags) {
  const WheelFilename name = wheel("Foo.Bar_x-1.0_post1+cu118-2_abc-py2.py3-none-any.whl");
  EXPECT_EQ(name.name.normalized(), "foo-bar-x");
  EXPECT_EQ(name.version.to_string(), "1.0.post1+cu118");
  EXPECT_EQ(name.version_text, "1.0_post1+cu118");
  EXPECT_EQ(name.build.to_string(), "2_abc");
  EXPECT_EQ(name.tags.size(), 2u);
  EXPECT_EQ(wheel("foo-1.0-py3-none-any.whl").build, BuildTag());
}

TEST(WheelFilename, BuildTagsOrderByNumber) {
  const auto build = [](std::string text) { return wheel("foo-1.0-" + text + "py3-none-any.whl").build; };
  EXPECT_LT(build(""), build("0-"));
  EXPECT_LT(build("9-"), build("10-"));
  EXPECT_LT(build("1-"), build("1_a-"));
  EXPECT_LT(build("1_a-"), build("2-"));
  EXPECT_EQ(build("007-"), build("7-"));
  EXPECT_LT(build("18446744073709551615-"), build("99999999999999999999999-"));
}

TEST(WheelFilename, RefusesOtherNames) {
  for (const char* text : {"",
                           ".whl",
                           "foo.whl",
                           "foo-1.0.tar.gz",
                           "foo-1.0-py3-none-any",
                           "foo-1.0-py3-none-any.WHL",
                           "foo-1.0-none-any.whl",
                           "foo-x-py3-none-any.whl",
                           "foo__bar-1.0-py3-none-any.whl",
                           "-1.0-py3-none-any.whl",
                           "foo-1.0-py3-none-any.whl\n",
                           "foo- 1.0-py3-none-any.whl",
                           "foo-1.0--py3-none-any.whl",
                           "foo-1.0-py3--any.whl",
                           "foo-1.0-3py-none-any.whl",
                           "foo-bar-1.0-py3-none-any.whl",
                           "foo-1.0-py3-none-any..whl",
                           "_foo-1.0-py3-none-any.whl",
                           "foo/bar-1.0-py3-none-any.whl",
                           "foo-1.0-py3-none-a/../b.whl",
                           "foo-1.0-py3-none-a\\b.whl",
                           "foo-1.0-1\x01-py3-none-any.whl"})
    EXPECT_FALSE(WheelFilename::parse(text)) << text;
}

TEST(WheelFilename, RefusesVariantsAsSuch) {
  for (const char* text :
       {"foo-1.0-py3-none-any-cu128.whl", "foo-1.0-1-py3-none-any-cu128.whl",
        "foo-1.0-cp313-cp313-win_amd64-x86_64.v3.whl", "foo-1.0-py3-none-linux_x86_64-null.whl"}) {
    const auto name = WheelFilename::parse(text);
    ASSERT_FALSE(name) << text;
    EXPECT_NE(name.error().message.find("variant"), std::string::npos) << name.error().message;
  }
}

TEST(WheelFilename, CapsTheExpansionOfTags) {
  std::string many = "py3";
  for (int i = 0; i < 200; ++i) many += ".p" + std::to_string(i);
  EXPECT_FALSE(WheelFilename::parse("foo-1.0-" + many + "-" + many + "-" + many + ".whl"));
}

TEST(SdistFilename, ReadsCurrentNames) {
  const SdistFilename name = SdistFilename::parse("foo_bar-1.0.post1.tar.gz").value();
  EXPECT_EQ(name.name.normalized(), "foo-bar");
  EXPECT_EQ(name.version.to_string(), "1.0.post1");
  EXPECT_EQ(name.kind, ArchiveKind::TarGz);
  EXPECT_EQ(SdistFilename::parse("a-b-1.zip").value().name.normalized(), "a-b");
  for (const char* text : {"", "foo.tar.gz", "foo-.tar.gz", "-1.0.tar.gz", "foo-x.tar.gz", "foo-1.0.whl",
                           "foo-1.0", ".tar.gz", "foo-1.0 .tar.gz"})
    EXPECT_FALSE(SdistFilename::parse(text)) << text;
}

TEST(SdistFilename, CutsOldNamesWhereTheProjectEnds) {
  const auto version_of = [](std::string_view file, std::string_view name) {
    const auto sdist = SdistFilename::parse(file, project(name));
    return sdist ? sdist->version.to_string() : "none";
  };
  EXPECT_EQ(version_of("foo-bar-1.0.tar.gz", "foo-bar"), "1.0");
  EXPECT_EQ(version_of("Foo.Bar-1.0-1.tar.bz2", "foo_bar"), "1.0.post1");
  EXPECT_EQ(version_of("foo-2-1.0.zip", "foo-2"), "1.0");
  EXPECT_EQ(version_of("foo-2-1.0.zip", "foo"), "none");
  EXPECT_EQ(version_of("foo-bar-1.0.tar.gz", "foo"), "none");
  EXPECT_EQ(version_of("foobar-1.0.tar.gz", "foo"), "none");
}

TEST(ArchiveKind, IsTheEndOfTheName) {
  EXPECT_EQ(archive_kind("a.tgz"), ArchiveKind::TarGz);
  EXPECT_EQ(archive_kind("a.TAR.GZ"), ArchiveKind::TarGz);
  EXPECT_EQ(archive_kind("a.tbz"), ArchiveKind::TarBz2);
  EXPECT_EQ(archive_kind("a.tlz"), ArchiveKind::TarXz);
  EXPECT_EQ(archive_kind("a.tar"), ArchiveKind::Tar);
  EXPECT_EQ(archive_kind("a.gz"), std::nullopt);
  EXPECT_EQ(archive_kind(".zip"), std::nullopt);
}

}  // namespace
}  // namespace moat
