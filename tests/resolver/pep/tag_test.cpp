#include "resolver/pep/tag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace moat {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

std::vector<std::string> texts(const std::vector<Tag>& tags) {
  std::vector<std::string> out;
  for (const Tag& tag : tags) out.push_back(tag.to_string());
  return out;
}

TagTarget cpython(unsigned minor) {
  TagTarget target;
  target.minor = minor;
  target.platforms = {"linux_x86_64"};
  return target;
}

TEST(Tag, ExpandsCompressedSets) {
  EXPECT_THAT(texts(parse_tags("py2.py3-none-any").value()), ElementsAre("py2-none-any", "py3-none-any"));
  EXPECT_THAT(texts(parse_tags("CP311-ABI3-Win_AMD64").value()), ElementsAre("cp311-abi3-win_amd64"));
  EXPECT_THAT(texts(parse_tags("cp315-abi3.abi3t-any").value()),
              ElementsAre("cp315-abi3-any", "cp315-abi3t-any"));
  for (const char* text : {"", "py3-none", "py3-none-any-x", "py3--any", "py3.-none-any", "py3-none-any.",
                           "3py-none-any", "py+3-none-any"})
    EXPECT_FALSE(parse_tags(text)) << text;
}

TEST(Tag, CapsTheExpansion) {
  std::string many = "py3";
  for (int i = 0; i < 500; ++i) many += ".py3";
  EXPECT_TRUE(parse_tags(many + "-none-any"));
  EXPECT_FALSE(parse_tags(many + "-" + many + "-any"));
}

TEST(Tag, CPythonListsItsTagsBestFirst) {
  EXPECT_THAT(
      texts(compatible_tags(cpython(4))),
      ElementsAre("cp34-cp34m-linux_x86_64", "cp34-abi3-linux_x86_64", "cp34-none-linux_x86_64",
                  "cp33-abi3-linux_x86_64", "cp32-abi3-linux_x86_64", "py34-none-linux_x86_64",
                  "py3-none-linux_x86_64", "py33-none-linux_x86_64", "py32-none-linux_x86_64",
                  "py31-none-linux_x86_64", "py30-none-linux_x86_64", "cp34-none-any", "py34-none-any",
                  "py3-none-any", "py33-none-any", "py32-none-any", "py31-none-any", "py30-none-any"));
}

TEST(Tag, NeitherOlderNorNewerInterpretersTagsAreCompatible) {
  const auto tags = texts(compatible_tags(cpython(12)));
  EXPECT_THAT(tags, Contains("cp37-abi3-linux_x86_64"));
  EXPECT_THAT(tags, Contains("py311-none-any"));
  for (const char* tag : {"cp311-none-any", "py313-none-any", "cp311-cp311-linux_x86_64",
                          "cp313-abi3-linux_x86_64", "cp31-abi3-linux_x86_64"})
    EXPECT_THAT(tags, Not(Contains(tag)));
}

TEST(Tag, FreeThreadedBuildsHaveAStableAbiOfTheirOwn) {
  TagTarget target = cpython(15);
  target.free_threaded = true;
  const auto tags = texts(compatible_tags(target));
  EXPECT_EQ(tags[0], "cp315-cp315t-linux_x86_64");
  EXPECT_EQ(tags[1], "cp315-abi3t-linux_x86_64");
  EXPECT_THAT(tags, Contains("cp39-abi3t-linux_x86_64"));
  EXPECT_THAT(tags, Not(Contains("cp315-abi3-linux_x86_64")));
  EXPECT_THAT(tags, Not(Contains("cp315-cp315-linux_x86_64")));
  const std::vector<Tag> both = parse_tags("cp315-abi3.abi3t-linux_x86_64").value();
  EXPECT_TRUE(TagSet(compatible_tags(target)).rank(both));
  EXPECT_TRUE(TagSet(compatible_tags(cpython(15))).rank(both));
}

TEST(Tag, DebugBuildsLoadWhatOthersDo) {
  TagTarget target = cpython(11);
  target.debug = true;
  const auto tags = texts(compatible_tags(target));
  EXPECT_EQ(tags[0], "cp311-cp311d-linux_x86_64");
  EXPECT_EQ(tags[1], "cp311-cp311-linux_x86_64");
  target.minor = 13;
  target.free_threaded = true;
  EXPECT_EQ(compatible_tags(target)[0].abi, "cp313td");
}

TEST(Tag, OtherImplementationsNameTheirOwnAbi) {
  TagTarget target = cpython(10);
  target.implementation = "pypy";
  auto tags = texts(compatible_tags(target));
  EXPECT_EQ(tags[0], "pp310-pypy310_pp73-linux_x86_64");
  EXPECT_EQ(tags[1], "pp310-none-linux_x86_64");
  EXPECT_THAT(tags, Contains("pp3-none-any"));
  EXPECT_THAT(tags, Not(Contains("cp310-none-any")));
  target.implementation = "graalpy";
  target.interpreter_abi = "graalpy240_310_native";
  tags = texts(compatible_tags(target));
  EXPECT_EQ(tags[0], "graalpy310-graalpy240_310_native-linux_x86_64");
  EXPECT_THAT(tags, Contains("py3-none-any"));
}

TEST(Platform, LinuxComesBeforeManylinuxFromTheRunningGlibcDown) {
  EXPECT_THAT(linux_platforms("x86_64", Libc::Glibc, 2, 18),
              ElementsAre("linux_x86_64", "manylinux_2_18_x86_64", "manylinux_2_17_x86_64",
                          "manylinux2014_x86_64", "manylinux_2_16_x86_64", "manylinux_2_15_x86_64",
                          "manylinux_2_14_x86_64", "manylinux_2_13_x86_64", "manylinux_2_12_x86_64",
                          "manylinux2010_x86_64", "manylinux_2_11_x86_64", "manylinux_2_10_x86_64",
                          "manylinux_2_9_x86_64", "manylinux_2_8_x86_64", "manylinux_2_7_x86_64",
                          "manylinux_2_6_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64"));
  EXPECT_THAT(linux_platforms("aarch64", Libc::Glibc, 2, 18),
              ElementsAre("linux_aarch64", "manylinux_2_18_aarch64", "manylinux_2_17_aarch64",
                          "manylinux2014_aarch64"));
  EXPECT_THAT(linux_platforms("mips64", Libc::Glibc, 2, 36), ElementsAre("linux_mips64"));
  EXPECT_THAT(linux_platforms("armv8l", Libc::Glibc, 2, 17),
              ElementsAre("linux_armv8l", "linux_armv7l", "manylinux_2_17_armv8l", "manylinux2014_armv8l",
                          "manylinux_2_17_armv7l", "manylinux2014_armv7l"));
}

TEST(Platform, AManylinuxModuleHasTheLastWord) {
  EXPECT_THAT(
      linux_platforms("x86_64", Libc::Glibc, 2, 18, [](unsigned, unsigned minor) { return minor == 17; }),
      ElementsAre("linux_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"));
}

TEST(Platform, MuslGoesDownToItsFirstRelease) {
  EXPECT_THAT(
      linux_platforms("x86_64", Libc::Musl, 1, 2),
      ElementsAre("linux_x86_64", "musllinux_1_2_x86_64", "musllinux_1_1_x86_64", "musllinux_1_0_x86_64"));
}

TEST(Platform, MacsRunWhatEarlierOnesDid) {
  const auto arm = macos_platforms("arm64", 12, 3);
  EXPECT_THAT(std::vector(arm.begin(), arm.begin() + 5),
              ElementsAre("macosx_12_0_arm64", "macosx_12_0_universal2", "macosx_11_0_arm64",
                          "macosx_11_0_universal2", "macosx_10_16_universal2"));
  EXPECT_EQ(arm.back(), "macosx_10_4_universal2");
  const auto intel = macos_platforms("x86_64", 10, 9);
  EXPECT_EQ(intel.front(), "macosx_10_9_x86_64");
  EXPECT_THAT(intel, Contains("macosx_10_6_intel"));
  EXPECT_THAT(intel, Not(Contains("macosx_10_10_x86_64")));
  EXPECT_EQ(macos_platforms("x86_64", 10, 16), macos_platforms("x86_64", 11, 0));
}

TEST(Platform, ForeignTargetsAreNamedByPeopleOrByTags) {
  EXPECT_EQ(platforms_of("linux-x86_64").value(), linux_platforms("x86_64", Libc::Glibc, 2, 28));
  EXPECT_EQ(platforms_of("linux-aarch64").value(), linux_platforms("aarch64", Libc::Glibc, 2, 28));
  EXPECT_EQ(platforms_of("manylinux_2_28_x86_64").value(), linux_platforms("x86_64", Libc::Glibc, 2, 28));
  EXPECT_EQ(platforms_of("manylinux2014_i686").value(), linux_platforms("i686", Libc::Glibc, 2, 17));
  EXPECT_EQ(platforms_of("musllinux_1_2_x86_64").value(), linux_platforms("x86_64", Libc::Musl, 1, 2));
  EXPECT_EQ(platforms_of("macosx_11_0_arm64").value(), macos_platforms("arm64", 11, 0));
  EXPECT_EQ(platforms_of("macos-arm64").value(), macos_platforms("arm64", 13, 0));
  EXPECT_THAT(platforms_of("windows-amd64").value(), ElementsAre("win_amd64"));
  EXPECT_THAT(platforms_of("Win_AMD64").value(), ElementsAre("win_amd64"));
  EXPECT_THAT(platforms_of("linux_x86_64").value(), ElementsAre("linux_x86_64"));
  EXPECT_THAT(platforms_of("any").value(), ElementsAre());
  for (const char* name : {"", "linux", "linux-", "linux-mips", "manylinux_2_x86_64", "manylinux_2_28",
                           "manylinux_99999_1_x86_64", "win64", "macosx_11_arm64", "manylinux_2_17_",
                           "beos-ppc", "musllinux_1_2_x/y"})
    EXPECT_FALSE(platforms_of(name)) << name;
}

TEST(TagSet, RanksTheBestOfSeveral) {
  const TagSet tags(compatible_tags(cpython(11)));
  EXPECT_EQ(tags.rank(parse_tags("cp311-cp311-linux_x86_64").value()), 0u);
  EXPECT_EQ(tags.rank(parse_tags("py3.cp311-none.abi3-linux_x86_64").value()), 1u);
  EXPECT_EQ(tags.rank(parse_tags("cp312-cp312-linux_x86_64").value()), std::nullopt);
  EXPECT_EQ(TagSet().rank(Tag{"py3", "none", "any"}), std::nullopt);
}

}  // namespace
}  // namespace moat
