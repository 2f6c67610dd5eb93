#include "resolver/solve/fold_options.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(FoldReleases, LaterWordsOverrideAndNamesCountMore) {
  const auto name = [](const char* text) { return PackageName::parse(text).value(); };
  PrereleasePolicy policy = fold_releases(
      {.releases = {{"all-releases", "a,B_c"}, {"only-final", "a"}, {"only-final", "d"}, {"pre", ""}}});
  EXPECT_EQ(policy.of(name("a")), Prereleases::Forbid);
  EXPECT_EQ(policy.of(name("b-c")), Prereleases::Allow);
  EXPECT_EQ(policy.of(name("d")), Prereleases::Forbid) << "`--pre` does not speak of what is named";
  EXPECT_EQ(policy.of(name("z")), Prereleases::Allow);
  policy =
      fold_releases({.releases = {{"all-releases", "a"}, {"only-final", ":all:"}, {"all-releases", "e"}}});
  EXPECT_EQ(policy.of(name("a")), Prereleases::Forbid);
  EXPECT_EQ(policy.of(name("e")), Prereleases::Allow);
}

}  // namespace
}  // namespace moat
