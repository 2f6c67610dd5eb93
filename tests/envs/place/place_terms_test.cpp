// What a big change costs is said before it is made.
#include "envs/place/place_terms.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TransactionRequest of_files(std::vector<StoredFile> files) {
  WantedPackage package{.name = PackageName::parse("big").value(), .version = Version::of({1}), .wheel = {}};
  package.wheel.files = std::move(files);
  TransactionRequest request;
  request.install.push_back(std::move(package));
  return request;
}

TEST(DiskCostTest, OfABigChangeIsToldWithWhatSharingWouldTake) {
  const TransactionRequest request = of_files({{.path = "big/lib.so", .digest = {}, .size = 5'000'000'000},
                                               {.path = "big/all.py", .digest = {}, .size = 200'000'000}});
  for (const LinkMode mode : {LinkMode::Auto, LinkMode::Copy}) {
    const std::optional<DiskCost> cost = disk_cost(request, mode);
    ASSERT_TRUE(cost);
    EXPECT_EQ(cost->all, 5'200'000'000U);
    EXPECT_EQ(cost->unshared, 200'000'000U);
  }
  for (const LinkMode mode :
       {LinkMode::SharedBinaries, LinkMode::Hardlink, LinkMode::Symlink, LinkMode::Clone})
    EXPECT_EQ(disk_cost(request, mode), std::nullopt) << "nothing is copied, or that was asked for";
}

TEST(DiskCostTest, IsNotToldWhereSharingSavesLittle) {
  EXPECT_FALSE(
      disk_cost(of_files({{.path = "small/lib.so", .digest = {}, .size = 900'000'000}}), LinkMode::Auto));
  EXPECT_FALSE(
      disk_cost(of_files({{.path = "text/all.py", .digest = {}, .size = 3'000'000'000}}), LinkMode::Auto));
}

}  // namespace
}  // namespace moat
