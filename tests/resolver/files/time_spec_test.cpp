#include "resolver/files/time_spec.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

constexpr UnixTime kNow = 1'750'000'000;

TEST(ParseAge, UnderstandsShortFormsAndIsoOnes) {
  using std::chrono::hours;
  EXPECT_EQ(parse_age("14d"), hours(14 * 24));
  EXPECT_EQ(parse_age("1w2d"), hours(9 * 24));
  EXPECT_EQ(parse_age("90m"), std::chrono::minutes(90));
  EXPECT_EQ(parse_age("P30D"), hours(30 * 24));
  EXPECT_EQ(parse_age("P1DT12H"), hours(36));
  EXPECT_EQ(parse_age("0d"), hours(0));
  for (const char* bad : {"", "d", "14", "14x", "P1M", "-3d", "1.5d", "P"})
    EXPECT_EQ(parse_age(bad), std::nullopt) << bad;
}

TEST(ParseMoment, TakesDatesTimesAndAges) {
  EXPECT_EQ(parse_time("2024-01-01", kNow), 1'704'067'200);
  EXPECT_EQ(parse_time("2024-01-01T02:00:00+02:00", kNow), 1'704'067'200);
  EXPECT_EQ(parse_time("1d", kNow), kNow - 86'400);
  for (const char* bad : {"", "yesterday", "2024-13-01", "12", "\"2024-01-01\"", "2024-01-01\nx = 1"})
    EXPECT_EQ(parse_time(bad, kNow), std::nullopt) << bad;
}

}  // namespace
}  // namespace moat
