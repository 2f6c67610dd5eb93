#include "fetch/http/retry.h"

#include "fetch/http/http_policy.h"
#include "resolver/base/text.h"

#include <algorithm>
#include <array>

namespace moat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<unsigned> parse_month(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto* const found = std::find(kMonths.begin(), kMonths.end(), text);
  if (found == kMonths.end()) return std::nullopt;
  return static_cast<unsigned>(found - kMonths.begin()) + 1;
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" || text[7] != ' ' ||
      text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return std::nullopt;
  const auto day = parse_unsigned(text.substr(5, 2));
  const auto month = parse_month(text.substr(8, 3));
  const auto year = parse_unsigned(text.substr(12, 4));
  const auto hour = parse_unsigned(text.substr(17, 2));
  const auto minute = parse_unsigned(text.substr(20, 2));
  const auto second = parse_unsigned(text.substr(23, 2));
  if (!day || !month || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return std::chrono::duration_cast<seconds>(days).count() +
         static_cast<std::int64_t>(*hour * 3600 + *minute * 60 + *second);
}

bool is_retryable_status(int status) {
  constexpr std::array<int, 6> kStatuses = {408, 429, 500, 502, 503, 504};
  return std::find(kStatuses.begin(), kStatuses.end(), status) != kStatuses.end();
}

std::optional<milliseconds> retry_delay(const RetryOptions& options, int attempt, double jitter,
                                        std::optional<seconds> retry_after) {
  if (attempt > options.attempts) return std::nullopt;
  auto delay = options.first_delay;
  for (int i = 2; i < attempt && delay < options.longest_delay; ++i) delay *= 2;
  delay = std::min(delay, options.longest_delay);
  delay -= milliseconds(static_cast<milliseconds::rep>(static_cast<double>(delay.count()) * jitter / 2));
  // Compared in seconds first: the server's value may overflow milliseconds.
  if (retry_after && *retry_after >= options.longest_delay) return options.longest_delay;
  if (retry_after) delay = std::max<milliseconds>(delay, *retry_after);
  return delay;
}

std::optional<seconds> parse_retry_after(std::string_view value, std::int64_t now) {
  value = trim(value);
  constexpr std::int64_t kLongest = 100LL * 365 * 24 * 3600;
  if (const auto count = parse_unsigned(value))
    return seconds(static_cast<std::int64_t>(std::min<std::uint64_t>(*count, kLongest)));
  if (const auto date = parse_http_date(value)) return seconds(std::max<std::int64_t>(0, *date - now));
  return std::nullopt;
}

}  // namespace moat
