#include "resolver/pep/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unordered_set>

namespace moat {
namespace {

Version version(std::string_view text) { return Version::parse(text).value(); }
std::string normal(std::string_view text) { return version(text).to_string(); }

TEST(Version, WritesTheNormalForm) {
  const std::pair<const char*, const char*> cases[] = {{"1.0", "1.0"},
                                                       {"v1.0", "1.0"},
                                                       {" \t1.0\r\n\f\v", "1.0"},
                                                       {"1.0-1", "1.0.post1"},
                                                       {"1.0ALPHA1", "1.0a1"},
                                                       {"1.0-beta_2", "1.0b2"},
                                                       {"1.0c3", "1.0rc3"},
                                                       {"1.0.pre", "1.0rc0"},
                                                       {"1.0preview4", "1.0rc4"},
                                                       {"1.0rev5", "1.0.post5"},
                                                       {"1.0-r6", "1.0.post6"},
                                                       {"1.0post", "1.0.post0"},
                                                       {"1.0dev", "1.0.dev0"},
                                                       {"01.002", "1.2"},
                                                       {"0!1.0", "1.0"},
                                                       {"2!1.0", "2!1.0"},
                                                       {"1.0.0", "1.0.0"},
                                                       {"1.0+Ubuntu-1_2", "1.0+ubuntu.1.2"},
                                                       {"1.0+foo0100", "1.0+foo0100"},
                                                       {"1.0+00.010", "1.0+0.10"},
                                                       {"1.0a.", "1.0a0"},
                                                       {"1.0a1.post2.dev3", "1.0a1.post2.dev3"},
                                                       {"1.0a.-1", "1.0a0.post1"},
                                                       {"1", "1"}};
  for (const auto& [text, want] : cases) EXPECT_EQ(normal(text), want) << text;
}

TEST(Version, RefusesWhatPep440DoesNotAdmit) {
  for (const char* text : {"",
                           " ",
                           "v",
                           "1.",
                           ".1",
                           "1.0-",
                           "1..0",
                           "1.0+",
                           "1.0+a+b",
                           "1.0+a..b",
                           "1.0+_a",
                           "1.0a1a2",
                           "1.0.post1.post2",
                           "1.0.dev1.post1",
                           "1.0dev1a1",
                           "a1",
                           "1!",
                           "!1.0",
                           "1!2!3",
                           "1.0 .dev1",
                           "french toast",
                           "1.0\xc2\xa0",
                           "1.*",
                           "1.0.x",
                           "--1",
                           "1.0-1-1"})
    EXPECT_FALSE(Version::parse(text)) << text;
}

TEST(Version, RefusesLettersAndDigitsThatAreNotAscii) {
  for (const char* text : {"1.２", "１", "1.0.poſt1", "1.0devı", "1.0+ſ", "1.0rc１"})
    EXPECT_FALSE(Version::parse(text)) << text;
}

TEST(Version, SaysWhereItWentWrong) {
  const auto error = Version::parse("  1.0x").error();
  EXPECT_EQ(error.offset, 5u);
  EXPECT_EQ(error.message, "unexpected `x` in a version");
}

TEST(Version, OrdersAsPep440Says) {
  const std::vector<std::string_view> ascending = {"0.dev0",
                                                   "1.dev0",
                                                   "1.0.dev1",
                                                   "1.0.dev456",
                                                   "1.0a1.dev1",
                                                   "1.0a1",
                                                   "1.0a1.post0.dev0",
                                                   "1.0a1.post0",
                                                   "1.0a2.dev456",
                                                   "1.0a2",
                                                   "1.0a12",
                                                   "1.0b1.dev456",
                                                   "1.0b2",
                                                   "1.0b2.post345.dev456",
                                                   "1.0b2.post345",
                                                   "1.0rc1.dev456",
                                                   "1.0rc1",
                                                   "1.0",
                                                   "1.0+abc.5",
                                                   "1.0+abc.7",
                                                   "1.0+abc.8.1",
                                                   "1.0+zzz",
                                                   "1.0+1",
                                                   "1.0+1.abc",
                                                   "1.0+1.1",
                                                   "1.0+5",
                                                   "1.0.post456.dev34",
                                                   "1.0.post456",
                                                   "1.0.post456+local",
                                                   "1.1.dev1",
                                                   "1.1",
                                                   "1.10",
                                                   "20240101123456",
                                                   "1!0.1"};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j)
      EXPECT_EQ(version(ascending[i]) <=> version(ascending[j]), i <=> j)
          << ascending[i] << " " << ascending[j];
}

TEST(Version, EqualsWhateverItsZerosAndSpellingAreAndHashesAlike) {
  const std::unordered_set<Version> one = {version("1.0"), version("1"), version("1.0.0.0"),
                                           version("v1.0.0")};
  EXPECT_EQ(one.size(), 1u);
  EXPECT_EQ(version("1.0+ABC-1"), version("1+abc.1"));
  EXPECT_NE(version("1.0"), version("1.0+0"));
  EXPECT_EQ(version("1.4.0").canonical_key(), "1.4");
  EXPECT_EQ(version("0.0").canonical_key(), "0");
  EXPECT_EQ(version("1.0.0rc1+x").canonical_key(), "1rc1+x");
}

TEST(Version, NumbersNeverWrap) {
  EXPECT_LT(version("18446744073709551615"), version("18446744073709551616"));
  EXPECT_LT(version("99999999999999999999"), version("100000000000000000000"));
  EXPECT_EQ(version("00018446744073709551616"), version("18446744073709551616.0"));
  const std::string huge(5000, '7');
  EXPECT_EQ(normal("1." + huge), "1." + huge);
  EXPECT_LT(version("1." + huge), version("1.1" + huge));
  EXPECT_EQ(version("20240101123456").release()[0].as_uint64(), 20240101123456u);
  EXPECT_EQ(version(huge).release()[0].as_uint64(), std::nullopt);
}

TEST(VersionNumber, NextCarries) {
  EXPECT_EQ(VersionNumber(9).next().to_string(), "10");
  EXPECT_EQ(VersionNumber::from_digits("18446744073709551615").next().to_string(), "18446744073709551616");
  EXPECT_EQ(VersionNumber::from_digits("99999999999999999999").next().to_string(), "100000000000000000000");
  EXPECT_EQ(VersionNumber::from_digits("18446744073709551619").next().to_string(), "18446744073709551620");
}

TEST(Version, KnowsItsRelatives) {
  EXPECT_EQ(version("1!2.3rc1.post2.dev3+x").base().to_string(), "1!2.3");
  EXPECT_EQ(version("1.0.post2+x").first_dev().to_string(), "1.0.post2.dev0");
  EXPECT_EQ(version("1.2.9").after_prefix(3).to_string(), "1.2.10.dev0");
  EXPECT_EQ(version("1.2.9").after_prefix(1).to_string(), "2.dev0");
  EXPECT_EQ(version("1.0.dev1+x").successor().to_string(), "1.0.dev2");
  EXPECT_EQ(version("1.0.post1").successor().to_string(), "1.0.post2.dev0");
  EXPECT_EQ(version("1.0+x").without_local().to_string(), "1.0");
  EXPECT_TRUE(version("1.0.dev1").is_prerelease());
  EXPECT_FALSE(version("1.0.post1").is_prerelease());
}

}  // namespace
}  // namespace moat
