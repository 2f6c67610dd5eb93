// When to try again: pure arithmetic.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moat {

struct RetryOptions {
  int attempts = 4;  // in all
  std::chrono::milliseconds first_delay{300};
  std::chrono::milliseconds longest_delay{30'000};
};

// Worth another try: 408, 429, 500, 502, 503, 504.
bool is_retryable_status(int status);
// Before attempt `attempt` (2 is the first retry): doubling, with jitter in [0, 1) taking off up to half; a
// Retry-After wins where it is longer, up to longest_delay. nullopt: give up.
std::optional<std::chrono::milliseconds> retry_delay(const RetryOptions& options, int attempt, double jitter,
                                                     std::optional<std::chrono::seconds> retry_after);
// Seconds, or an HTTP-date (IMF-fixdate) relative to `now` (unix seconds).
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now);

// An HTTP-date in its one modern form, "Sun, 06 Nov 1994 08:49:37 GMT", as unix seconds.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace moat
