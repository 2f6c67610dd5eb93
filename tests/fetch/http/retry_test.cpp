#include "fetch/http/retry.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Retry, DoublesUpToTheLongest) {
  const RetryOptions options{
      .attempts = 10, .first_delay = milliseconds(300), .longest_delay = milliseconds(1000)};
  EXPECT_EQ(retry_delay(options, 2, 0.0, {}), milliseconds(300));
  EXPECT_EQ(retry_delay(options, 3, 0.0, {}), milliseconds(600));
  EXPECT_EQ(retry_delay(options, 4, 0.0, {}), milliseconds(1000));
  EXPECT_EQ(retry_delay(options, 10, 0.0, {}), milliseconds(1000));
  EXPECT_EQ(retry_delay(options, 11, 0.0, {}), std::nullopt);
}

TEST(Retry, JitterTakesOffUpToHalf) {
  const RetryOptions options{
      .attempts = 4, .first_delay = milliseconds(300), .longest_delay = milliseconds(1000)};
  EXPECT_EQ(retry_delay(options, 2, 0.5, {}), milliseconds(225));
  EXPECT_GE(retry_delay(options, 2, 0.999, {}).value_or(milliseconds(0)), milliseconds(150));
}

TEST(Retry, AServersWishCountsUpToTheLongest) {
  const RetryOptions options{
      .attempts = 4, .first_delay = milliseconds(300), .longest_delay = milliseconds(5000)};
  EXPECT_EQ(retry_delay(options, 2, 0.0, seconds(2)), milliseconds(2000));
  EXPECT_EQ(retry_delay(options, 2, 0.0, seconds(0)), milliseconds(300));
  EXPECT_EQ(retry_delay(options, 2, 0.0, seconds(100'000'000'000)), milliseconds(5000));
}

TEST(Retry, KnowsWhichStatusesPass) {
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(is_retryable_status(status)) << status;
  for (const int status : {200, 304, 400, 401, 403, 404, 410, 501})
    EXPECT_FALSE(is_retryable_status(status)) << status;
}

TEST(Retry, ReadsRetryAfterInBothForms) {
  EXPECT_EQ(parse_retry_after(" 120 ", 0), seconds(120));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 30), seconds(30));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 30), seconds(0));
  for (const char* bad : {"", "soon", "-1", "1.5", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 25:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"})
    EXPECT_EQ(parse_retry_after(bad, 0), std::nullopt) << bad;
}

}  // namespace
}  // namespace moat
