// What a big change costs is said before it is made.
#include "cli/session/install_pipeline.h"

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

TEST(DiskCost, OfABigChangeIsToldWithWhatSharingWouldTake) {
  const TransactionRequest request = of_files({{.path = "big/lib.so", .digest = {}, .size = 5'000'000'000},
                                               {.path = "big/all.py", .digest = {}, .size = 200'000'000}});
  const std::string said = "this takes 5.2 GB of the disk; `--link-mode shared-binaries` would take 200.0 MB";
  EXPECT_EQ(disk_cost(request, LinkMode::Auto), said);
  EXPECT_EQ(disk_cost(request, LinkMode::Copy), said);
  for (const LinkMode mode :
       {LinkMode::SharedBinaries, LinkMode::Hardlink, LinkMode::Symlink, LinkMode::Clone})
    EXPECT_EQ(disk_cost(request, mode), "") << "nothing is copied, or that was asked for";
}

TEST(DiskCost, IsNotToldWhereSharingSavesLittle) {
  EXPECT_EQ(
      disk_cost(of_files({{.path = "small/lib.so", .digest = {}, .size = 900'000'000}}), LinkMode::Auto), "");
  EXPECT_EQ(
      disk_cost(of_files({{.path = "text/all.py", .digest = {}, .size = 3'000'000'000}}), LinkMode::Auto),
      "");
}

}  // namespace
}  // namespace moat
