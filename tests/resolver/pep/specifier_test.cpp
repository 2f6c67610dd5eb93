#include "resolver/pep/specifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using testing::ElementsAre;

Version version(std::string_view text) { return Version::parse(text).value(); }
SpecifierSet set(std::string_view text) { return SpecifierSet::parse(text).value(); }
bool admits(std::string_view specifier, std::string_view candidate) {
  return set(specifier).contains(version(candidate));
}

struct Case {
  const char* specifier;
  std::vector<const char*> admits;
  std::vector<const char*> excludes;
};

TEST(Specifier, AdmitsWhatItsOperatorSays) {
  const Case cases[] = {
      {"", {"1.0", "1.0a1", "1!1", "1+x"}, {}},
      {"==1.0", {"1", "1.0.0", "1.0+local"}, {"1.0.post1", "1.0rc1", "1!1.0"}},
      {"==1.0+a.1", {"1.0+a.1", "1.0+A-1", "1+a.1"}, {"1.0", "1.0+a", "1.0+a.1.2"}},
      {"==1.1.*", {"1.1", "1.1.5", "1.1rc1", "1.1.post3", "1.1.dev0+x"}, {"1.10", "1", "1.2.dev0", "1!1.1"}},
      {"==2.0.0.*", {"2", "2.0.0.1"}, {"2.0.1"}},
      {"==1.*", {"1"}, {"2!1.0"}},
      {"!=1.0", {"1.0.post1", "1.1", "1.0rc1"}, {"1.0", "1.0+local"}},
      {"!=1.1.*", {"1.2", "2!1.1"}, {"1.1rc1", "1.1.1"}},
      {"~=2.2", {"2.2", "2.3", "2.2.post1"}, {"3.0", "2.1", "2.2rc1", "3.0.dev0"}},
      {"~=1.4.5", {"1.4.5", "1.4.9"}, {"1.5.0"}},
      {"~=2.2.post3", {"2.2.post3", "2.9"}, {"2.2", "2.2.post2", "3.0"}},
      {"~=2.0", {"2.9"}, {"3.0"}},
      {"~=2.0.0", {"2.0.9"}, {"2.1"}},
      {"~=1!2.2", {"1!2.3"}, {"2.3", "1!3.0"}},
      {">=1.0", {"1.0", "1.0+x", "1.0.post1", "2.0rc1"}, {"1.0rc1", "0.9"}},
      {"<=1.0", {"1.0", "1.0+x", "1.0rc1", "0.9"}, {"1.0.post1"}},
      {">1.0", {"1.1", "1.1.dev0", "1!0"}, {"1.0", "1.0+x", "1.0.post1", "1.0.post1+x", "1.0.0.post2.dev0"}},
      {"<1.0", {"0.9", "0.9.post1", "0.9+x"}, {"1.0", "1.0rc1", "1.0.dev0", "1.0a1.post2", "1.0.0a1"}},
  };
  for (const Case& one : cases) {
    for (const char* candidate : one.admits)
      EXPECT_TRUE(admits(one.specifier, candidate)) << one.specifier << " " << candidate;
    for (const char* candidate : one.excludes)
      EXPECT_FALSE(admits(one.specifier, candidate)) << one.specifier << " " << candidate;
  }
}

TEST(Specifier, GreaterThanLeavesOutPostReleasesOfThatVersionAlone) {
  EXPECT_TRUE(admits(">1.0.dev1", "1.0.post0"));
  EXPECT_FALSE(admits(">1.0a1", "1.0a1.post0"));
  EXPECT_TRUE(admits(">1.0a1", "1.0a2.post0"));
  EXPECT_TRUE(admits(">1.0a1", "1.0.post0"));
  EXPECT_TRUE(admits(">1.0.post1", "1.0.post2"));
  EXPECT_FALSE(admits(">1.0.post1", "1.0.post1+local"));
  EXPECT_FALSE(admits(">1.0.dev1", "1.0.dev1+local"));
}

TEST(Specifier, LessThanLeavesOutPreReleasesOfThatVersionAlone) {
  EXPECT_TRUE(admits("<1.0.post1", "1.0a1"));
  EXPECT_TRUE(admits("<1.0.post1", "1.0.dev0"));
  EXPECT_TRUE(admits("<1.0.post1", "1.0.post0.dev0"));
  EXPECT_FALSE(admits("<1.0.post1", "1.0.post1.dev0"));
  EXPECT_TRUE(admits("<1.0rc1", "1.0b2"));
  EXPECT_TRUE(admits("<1.0rc1", "1.0rc1.dev0"));
}

TEST(Specifier, ArbitraryEqualityComparesText) {
  const Specifier one = Specifier::parse("===1.0").value();
  EXPECT_TRUE(one.contains(version("1.0")));
  EXPECT_FALSE(one.contains(version("1.0+d")));
  EXPECT_FALSE(one.contains(version("1.0.0")));
  EXPECT_FALSE(one.contains(version("1.0"), "v1.0"));
  EXPECT_TRUE(Specifier::parse("===V1.0-RC").value().contains(version("1.0rc0"), "v1.0-rc"));
  EXPECT_TRUE(Specifier::parse("=== french-toast"));
  EXPECT_EQ(Specifier::parse("===1.0").value().op(), Operator::ArbitraryEqual);
}

TEST(Specifier, RefusesWhatHasNoMeaning) {
  for (const char* text :
       {"==1.0a1.*", "==1.0.post1.*", "==1.0.dev1.*", "==1.0+x.*", "==1.*.5",   ">=1.*", "~=1.*",
        "~=1",       "<1.*",          "=>1",          "=1",        "1.0",       ">=",    "==",
        "===",       ">=1.0+x",       "~=1.0+x",      "<1+x",      ">1+x",      "<=1+x", "==.*",
        "==1.0 .*",  ">=1 0",         ">=1;",         "! =1",      "==1.0.*.*", "~= 1!1"})
    EXPECT_FALSE(Specifier::parse(text)) << text;
}

TEST(SpecifierSet, JoinsClausesInAnyOrder) {
  EXPECT_EQ(set(" >= 1.0 ,<2, "), set("<2,>=1"));
  EXPECT_EQ(set(">=1,>=1.0,>=1.0.0").clauses().size(), 1u);
  EXPECT_EQ(set("<2,>=1.0,!=1.5.*").to_string(), "!=1.5.*,<2,>=1.0");
  EXPECT_NE(set("~=1.2"), set("~=1.2.0"));
  EXPECT_TRUE(set(",").empty());
  EXPECT_TRUE(admits(">=1,<2", "1.5"));
  EXPECT_FALSE(admits(">=1,<2", "2"));
  EXPECT_EQ(SpecifierSet::parse(">=1, <x").error().offset, 6u);
  EXPECT_EQ(set(">=1").intersected(set("<2")), set(">=1,<2"));
}

TEST(SpecifierSet, PrefersFinalVersionsWhereTheCombinedSetAdmitsOne) {
  const std::vector<Version> versions = {version("1.0"), version("1.5rc1"), version("2.0.dev1"),
                                         version("1.1.post1")};
  EXPECT_THAT(set("").filter(versions), ElementsAre(0, 3));
  EXPECT_THAT(set(">1.2").filter(versions), ElementsAre(1, 2));
  EXPECT_THAT(set(">1.2").filter(versions, Prereleases::Forbid), ElementsAre());
  EXPECT_THAT(set(">=1.0").filter(versions, Prereleases::Allow), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(set(">=1.0,!=1.1.post1,!=1.0").filter(versions), ElementsAre(1, 2));
}

TEST(SpecifierSet, KnowsWhatNamesAPreRelease) {
  EXPECT_TRUE(set(">=1.0a1").names_prerelease());
  EXPECT_TRUE(set("<2,==1.0.dev1").names_prerelease());
  EXPECT_TRUE(set("===1.0rc1").names_prerelease());
  EXPECT_FALSE(set("!=1.0rc1").names_prerelease());
  EXPECT_FALSE(set("==1.0.post1,===x").names_prerelease());
}

TEST(SpecifierSet, KnowsAPin) {
  EXPECT_EQ(set("==1.0").pinned_version(), version("1.0"));
  EXPECT_EQ(set("===1.0").pinned_version(), version("1.0"));
  for (const char* text : {"", "==1.*", ">=1", "===x", "==1,<2", "~=1.0"})
    EXPECT_EQ(set(text).pinned_version(), std::nullopt);
  EXPECT_EQ(Specifier::exactly(version("1.0+x")).to_string(), "==1.0+x");
}

}  // namespace
}  // namespace moat
