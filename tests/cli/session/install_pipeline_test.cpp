// What a big change costs is said before it is made.
#include "cli/session/install_pipeline.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(DiskCostText, TellsWhatSharingWouldTake) {
  EXPECT_EQ(cost_text({.all = 5'200'000'000, .unshared = 200'000'000}),
            "this takes 5.2 GB of the disk; `--link-mode shared-binaries` would take 200.0 MB");
}

}  // namespace
}  // namespace moat
