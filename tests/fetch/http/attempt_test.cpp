#include "fetch/http/attempt.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HttpRequest request(std::string method = "GET", bool once = false) {
  HttpRequest out;
  out.method = std::move(method);
  out.once = once;
  return out;
}

constexpr AttemptEnd::Broken kReset{.may_pass = true, .never_reached = false};
constexpr AttemptEnd::Broken kNoConnection{.may_pass = true, .never_reached = true};
constexpr AttemptEnd::Broken kBadCertificate{.may_pass = false, .never_reached = false};

TEST(NextStep, GivesWhatCameToTheCaller) {
  for (const int status : {200, 206, 304, 400, 401, 403, 404, 410, 416, 501})
    EXPECT_EQ(next_step(request(), {.status = status}), NextStep::Respond) << status;
}

TEST(NextStep, RepeatsWhatMayPass) {
  EXPECT_EQ(next_step(request(), {.broken = kReset}), NextStep::Retry);
  EXPECT_EQ(next_step(request(), {.broken = kBadCertificate}), NextStep::Fail);
  EXPECT_EQ(next_step(request(), {.status = 503}), NextStep::Retry);
  // What broke off counts, not the status before it.
  EXPECT_EQ(next_step(request(), {.status = 200, .broken = kReset}), NextStep::Retry);
}

TEST(NextStep, RepeatsWhatMayHappenOnceOnlyIfItDidNotHappen) {
  const HttpRequest once = request("POST", true);
  EXPECT_EQ(next_step(once, {.broken = kReset}), NextStep::Fail);
  EXPECT_EQ(next_step(once, {.broken = kNoConnection}), NextStep::Retry);
  EXPECT_EQ(next_step(once, {.status = 503}), NextStep::Respond);
  EXPECT_EQ(next_step(once, {.status = 429}), NextStep::Retry);
}

TEST(NextStep, FollowsRedirectsThatKeepTheMethod) {
  for (const int status : {301, 302, 303, 307, 308}) {
    const AttemptEnd end{.status = status, .has_location = true};
    EXPECT_EQ(next_step(request("GET"), end), NextStep::Redirect) << status;
    EXPECT_EQ(next_step(request("HEAD"), end), NextStep::Redirect) << status;
    EXPECT_EQ(next_step(request("PUT"), end), status >= 307 ? NextStep::Redirect : NextStep::Respond)
        << status;
    EXPECT_EQ(next_step(request(), {.status = status}), NextStep::Respond) << status << " to nowhere";
  }
}

TEST(NextStep, AsksForCredentialsOnce) {
  EXPECT_EQ(next_step(request(), {.status = 401, .may_ask_again = true}), NextStep::AskAgain);
  EXPECT_EQ(next_step(request(), {.status = 401}), NextStep::Respond);
  EXPECT_EQ(next_step(request(), {.status = 407, .proxy_wants_credentials = true}), NextStep::RefuseProxy);
  EXPECT_EQ(next_step(request(), {.proxy_wants_credentials = true, .broken = kReset}), NextStep::RefuseProxy);
}

TEST(NextStep, StartsOverWhereAServerCannotResume) {
  EXPECT_EQ(next_step(request(), {.status = 416, .resumed = true}), NextStep::StartOver);
}

TEST(Attempts, AreAsManyAsTheOptionsSay) {
  const RetryOptions options{.attempts = 3, .first_delay = milliseconds(100)};
  Attempts attempts;
  EXPECT_EQ(attempts.number(), 1);
  EXPECT_EQ(attempts.next(options, 0, 0.0, {}), milliseconds(100));
  EXPECT_EQ(attempts.number(), 2);
  EXPECT_EQ(attempts.next(options, 0, 0.0, {}), milliseconds(200));
  EXPECT_EQ(attempts.next(options, 0, 0.0, {}), std::nullopt);
}

TEST(Attempts, WaitAsTheServerWishes) {
  EXPECT_EQ(Attempts().next({}, 0, 0.0, seconds(7)), milliseconds(7000));
}

TEST(Attempts, BeginAnewWithEachMebibyteOfADownload) {
  const RetryOptions options{.attempts = 2, .first_delay = milliseconds(100)};
  constexpr std::uint64_t kMebibyte = 1ULL << 20U;
  Attempts attempts;
  EXPECT_TRUE(attempts.next(options, kMebibyte - 1, 0.0, {}));
  EXPECT_FALSE(Attempts(attempts).next(options, kMebibyte - 1, 0.0, {}));
  EXPECT_TRUE(attempts.next(options, kMebibyte, 0.0, {}));
  EXPECT_EQ(attempts.number(), 2);
  EXPECT_FALSE(Attempts(attempts).next(options, 2 * kMebibyte - 1, 0.0, {}));
  EXPECT_TRUE(attempts.next(options, 2 * kMebibyte, 0.0, {}));
}

}  // namespace
}  // namespace moat
