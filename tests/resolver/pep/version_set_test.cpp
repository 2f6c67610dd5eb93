#include "resolver/pep/version_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace moat {
namespace {

using testing::ElementsAre;
using testing::Pair;

Version version(std::string_view text) { return Version::parse(text).value(); }
SpecifierSet set(std::string_view text) { return SpecifierSet::parse(text).value(); }

// Versions and clauses close to each other, so that their corners meet.
class Chance {
 public:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string digit() { return std::to_string(below(3)); }

  std::string release() {
    std::string out = one_in(8) ? "1!" : "";
    out += digit();
    for (std::size_t i = below(3); i > 0; --i) out += "." + digit();
    return out;
  }

  std::string version(bool may_have_local) {
    static constexpr std::array<const char*, 3> kPre = {"a", "b", "rc"};
    std::string out = release();
    if (one_in(3)) out += kPre[below(3)] + digit();
    if (one_in(3)) out += ".post" + digit();
    if (one_in(3)) out += ".dev" + digit();
    if (may_have_local && one_in(4)) out += one_in(2) ? "+" + digit() : "+a." + digit();
    return out;
  }

  std::string clause() {
    static constexpr std::array<const char*, 6> kOperators = {"==", "!=", "<", "<=", ">", ">="};
    if (one_in(6)) return (one_in(2) ? "==" : "!=") + release() + ".*";
    if (one_in(6)) return "~=" + release() + ".0" + (one_in(2) ? "rc1" : "");
    const std::size_t op = below(6);
    return kOperators[op] + version(op < 2);
  }

  std::string clauses() {
    std::string out = clause();
    for (std::size_t i = below(3); i > 0; --i) out += "," + clause();
    return out;
  }

 private:
  std::mt19937 engine_{20260819};
};

std::vector<Version> many_versions(Chance& chance, std::size_t count) {
  std::vector<Version> versions;
  for (std::size_t i = 0; i < count; ++i) versions.push_back(version(chance.version(true)));
  return versions;
}

TEST(VersionSet, ContainsWhatTheSpecifiersContain) {
  Chance chance;
  const std::vector<Version> versions = many_versions(chance, 400);
  for (int i = 0; i < 1500; ++i) {
    const std::string text = chance.clauses();
    const SpecifierSet specifiers = set(text);
    const VersionSet intervals = VersionSet::from(specifiers).value();
    for (const Version& one : versions)
      ASSERT_EQ(intervals.contains(one), specifiers.contains(one)) << text << " " << one.to_string();
  }
}

TEST(VersionSet, IsABooleanAlgebra) {
  Chance chance;
  const std::vector<Version> versions = many_versions(chance, 100);
  for (int i = 0; i < 500; ++i) {
    const std::string text_a = chance.clauses(), text_b = chance.clauses();
    const VersionSet a = VersionSet::from(set(text_a)).value(), b = VersionSet::from(set(text_b)).value();
    const VersionSet both = a.intersect(b), either = a.unite(b), neither = either.complement();
    for (const Version& one : versions) {
      ASSERT_EQ(both.contains(one), a.contains(one) && b.contains(one))
          << text_a << " & " << text_b << " " << one.to_string();
      ASSERT_EQ(either.contains(one), a.contains(one) || b.contains(one))
          << text_a << " | " << text_b << " " << one.to_string();
      ASSERT_EQ(neither.contains(one), !either.contains(one))
          << text_a << " " << text_b << " " << one.to_string();
    }
    ASSERT_TRUE(a.intersect(a.complement()).is_empty()) << text_a;
    ASSERT_TRUE(a.unite(a.complement()).complement().is_empty()) << text_a;
  }
}

TEST(VersionSet, FindsRangesInSortedVersions) {
  Chance chance;
  std::vector<Version> ascending = many_versions(chance, 200);
  std::sort(ascending.begin(), ascending.end());
  for (int i = 0; i < 1000; ++i) {
    const std::string text = chance.clauses();
    const VersionSet intervals = VersionSet::from(set(text)).value();
    std::vector<std::pair<std::size_t, std::size_t>> want;
    for (std::size_t k = 0; k < ascending.size(); ++k) {
      if (!intervals.contains(ascending[k])) continue;
      if (!want.empty() && want.back().second == k)
        ++want.back().second;
      else
        want.emplace_back(k, k + 1);
    }
    ASSERT_EQ(intervals.ranges_in(ascending), want) << text;
  }
}

TEST(VersionSet, MergesRangesThatTouch) {
  const std::vector<Version> ascending = {version("1.0"), version("1.2"), version("2.0"), version("3.0")};
  EXPECT_THAT(VersionSet::from(set("!=1.1")).value().ranges_in(ascending), ElementsAre(Pair(0, 4)));
  EXPECT_THAT(VersionSet::from(set("!=1.2")).value().ranges_in(ascending),
              ElementsAre(Pair(0, 1), Pair(2, 4)));
  EXPECT_THAT(VersionSet::none().ranges_in(ascending), ElementsAre());
  EXPECT_THAT(VersionSet::all().ranges_in({}), ElementsAre());
}

TEST(VersionSet, KnowsContradictions) {
  for (const char* text :
       {"<1,>2", ">1.0,<1.0.post5", "==1,==2", ">=2,<2", "==1,!=1", ">1.0.post1,<1.0.post2", "==1.*,==2.*"})
    EXPECT_TRUE(VersionSet::from(set(text)).value().is_empty()) << text;
  EXPECT_FALSE(VersionSet::from(set(">=1,<=1")).value().is_empty());
  EXPECT_EQ(VersionSet::from(set("===1.0")), std::nullopt);
}

TEST(VersionSet, CountsBeyond64Bits) {
  const VersionSet prefix = VersionSet::from(set("==18446744073709551615.*")).value();
  EXPECT_TRUE(prefix.contains(version("18446744073709551615.9")));
  EXPECT_FALSE(prefix.contains(version("18446744073709551616.dev0")));
  EXPECT_FALSE(prefix.contains(version("0")));
}

}  // namespace
}  // namespace moat
