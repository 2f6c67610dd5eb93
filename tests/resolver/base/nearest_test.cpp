#include "resolver/base/nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::Eq;
using ::testing::Optional;

TEST(NearestName, TakesWhatWasProbablyMeant) {
  const std::vector<std::string> names = {"install", "uninstall", "list", "lock", "env", "tree"};
  EXPECT_THAT(nearest_name("instal", names), Optional(Eq("install")));
  EXPECT_THAT(nearest_name("isntall", names), Optional(Eq("install")));
  EXPECT_THAT(nearest_name("uninst", names), Optional(Eq("uninstall")));
  EXPECT_THAT(nearest_name("lokc", names), Optional(Eq("lock")));
  EXPECT_EQ(nearest_name("frobnicate", names), std::nullopt);
  EXPECT_EQ(nearest_name("", names), std::nullopt);
}

}  // namespace
}  // namespace moat
