#include "resolver/files/requirement_bounds.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

std::string bounded(const std::string& version, Bounds bounds) {
  return bound(Version::parse(version).value(), bounds);
}
Requirement line(const std::string& text) { return Requirement::parse(text).value(); }

TEST(RequirementBounds, FollowTheFirstNumberThatIsNotZero) {
  EXPECT_EQ(bounded("3.1.3", Bounds::Lower), ">=3.1.3");
  EXPECT_EQ(bounded("3.1.3+cpu", Bounds::Exact), "==3.1.3");
  EXPECT_EQ(bounded("3.1.3", Bounds::Compatible), ">=3.1.3,<4");
  EXPECT_EQ(bounded("0.4.2", Bounds::Compatible), ">=0.4.2,<0.5");
  EXPECT_EQ(bounded("1!2.0", Bounds::Compatible), ">=1!2.0,<1!3");
  EXPECT_EQ(bounded("3.1.3", Bounds::None), "");
}

TEST(RequirementBounds, StandBeforeTheMarker) {
  EXPECT_EQ(with_bound(line("lib[x]; python_version < '3.12'"), ">=1,<2"),
            "lib[x]>=1,<2; python_version < \"3.12\"");
}

TEST(RequirementBounds, WhatALineSaysStays) {
  EXPECT_EQ(joined_with(line("lib[b]"), "lib[a]>=1"), line("lib[a,b]>=1"));
  EXPECT_EQ(joined_with(line("lib>=2"), "lib[a]>=1"), line("lib[a]>=2"));
  EXPECT_EQ(joined_with(line("lib"), std::nullopt), line("lib"));
  EXPECT_EQ(joined_with(line("lib @ https://x/lib.zip"), "lib[a]>=1"), line("lib @ https://x/lib.zip"));
}

}  // namespace
}  // namespace moat
