// Stacks in the shape and size of real ones: how much is asked for, and in how many round trips.
#include "resolver/solve/solve.h"
#include "tests/support/fake_source.h"
#include "tests/support/scenario.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace moat::testing {
namespace {

std::string name_of(int name) { return "p" + std::to_string(name); }

struct Asked {
  Outcome outcome;
  ResolveStatistics statistics;
  int pages = 0, metadata_files = 0;
  double trips = 0;
};

Asked resolve_with(FakeSource& source, const std::vector<std::string>& requirements) {
  ResolveRequest request{.target = linux_target("3.12.4")};
  for (const std::string& text : requirements) request.requirements.push_back({requirement(text), {}, {}});
  Reporter quiet;
  ResolveStatistics statistics;
  Outcome outcome = resolve(request, source, quiet, {}, &statistics);
  return {std::move(outcome), statistics, source.pages(), source.metadata_files(), source.trips()};
}

// Levels of packages that need several of the next level, by lower bounds that all the newest meet: what a
// stack without conflicts looks like. Each package has an extra that nobody asks for.
void fill_levels(FakeSource& source, int levels, int width, int versions) {
  for (int level = 0; level < levels; ++level) {
    for (int i = 0; i < width; ++i) {
      for (int v = 0; v < versions; ++v) {
        FakeRelease row{.name = name_of(level * width + i),
                        .version = "1." + std::to_string(v),
                        .extras = {"test"},
                        .date = "2024-01-01"};
        for (int k = 0; k < 4 && level + 1 < levels; ++k)
          row.requirements.push_back(name_of((level + 1) * width + (i * 3 + k * 5) % width) +
                                     (k % 2 == 0 ? ">=1." + std::to_string(v / 2) : ""));
        row.requirements.push_back("pytest; extra == \"test\"");
        source.add(row);
      }
    }
  }
}

TEST(ResolveScale, AnEasyStackTakesOnePageAndOneMetadataFileAPackage) {
  FakeSource source;
  fill_levels(source, 7, 14, 60);
  const Asked asked = resolve_with(source, {"p0", "p1", "p2", "p3"});
  const auto& resolution = std::get<Resolution>(asked.outcome);
  const int chosen = static_cast<int>(resolution.packages.size());
  EXPECT_GT(chosen, 80);
  EXPECT_EQ(asked.pages, chosen);
  EXPECT_EQ(asked.metadata_files, chosen);
  EXPECT_EQ(asked.trips, 14) << "two a level: a page, and the metadata of its newest release";
  for (const ResolvedPackage& package : resolution.packages) EXPECT_EQ(package.version.to_string(), "1.59");
}

TEST(ResolveScale, UnevenLatenciesCostTheLongestPathNotTheSumOfRounds) {
  // Each round's slowest answer would hold up the next round; what runs ahead hides that.
  FakeSource source;
  fill_levels(source, 7, 14, 60);
  source.shuffle(1);
  const Asked asked = resolve_with(source, {"p0", "p1", "p2", "p3"});
  EXPECT_EQ(asked.pages, asked.metadata_files);
  EXPECT_LT(asked.trips, 14 * 2.9) << "barriers cost the slowest answer, of at most 3, each time";
}

// A pair of packages released in step, and one that pins the pair to narrow windows.
TEST(ResolveScale, AnAwkwardPairIsWalkedDownInDoublingSteps) {
  FakeSource source;
  constexpr int kReleases = 800;
  for (int v = 0; v < kReleases; ++v) {
    const std::string minor = std::to_string(v);
    source.add({.name = "boto3",
                .version = "1." + minor,
                .requirements = {"botocore>=1." + minor + ",<1." + std::to_string(v + 1)}});
    source.add({.name = "botocore", .version = "1." + minor});
  }
  source.add({.name = "s3fs", .version = "1.0", .requirements = {"botocore<1.100"}});
  const Asked asked = resolve_with(source, {"s3fs", "boto3"});
  const auto& resolution = std::get<Resolution>(asked.outcome);
  EXPECT_EQ(packages_of(resolution), (std::vector<std::string>{"boto3 1.99", "botocore 1.99", "s3fs 1.0"}));
  EXPECT_LT(asked.statistics.rounds, 20);
  EXPECT_LT(asked.metadata_files, 1000);
}

// `e0 = ["chain[e1]"]`, `e1 = ["chain[e2]"]`, …: followed in one go, and not anew for each.
TEST(ResolveScale, AChainOfExtrasIsFollowedOnce) {
  constexpr int kExtras = 1000;
  FakeSource source;
  FakeRelease row{.name = "chain", .version = "1.0"};
  for (int i = 0; i < kExtras; ++i) {
    const std::string extra = "e" + std::to_string(i);
    row.extras.push_back(extra);
    row.requirements.push_back(
        (i + 1 < kExtras ? "chain[e" + std::to_string(i + 1) + "]" : std::string("end")) + "; extra == \"" +
        extra + "\"");
  }
  source.add(row);
  source.add({.name = "end", .version = "1.0"});
  const Asked asked = resolve_with(source, {"chain[e0]"});
  const auto& resolution = std::get<Resolution>(asked.outcome);
  ASSERT_EQ(resolution.packages.size(), 2U);
  EXPECT_EQ(resolution.packages[0].extras.size(), static_cast<std::size_t>(kExtras));
  EXPECT_EQ(resolution.packages[1].name.display(), "end");
  EXPECT_LT(asked.statistics.rounds, 10);
  EXPECT_EQ(asked.metadata_files, 2);
}

}  // namespace
}  // namespace moat::testing
