#include "resolver/files/time_spec.h"

#include "resolver/base/text.h"
#include "resolver/files/toml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace moat {
namespace {

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> seconds_of(char unit, bool time_part) {
  switch (unit) {
    case 'y':
      return 365 * 86400;
    case 'w':
      return 7 * 86400;
    case 'd':
      return 86400;
    case 'h':
      return 3600;
    case 'm':
      return time_part ? std::optional<std::uint64_t>(60) : std::nullopt;
    case 's':
      return 1;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::chrono::seconds> parse_age(std::string_view text) {
  const std::string lower = ascii_lower(trim(text));
  std::string_view rest = lower;
  const bool iso = !rest.empty() && rest.front() == 'p';
  if (iso) rest.remove_prefix(1);
  bool time_part = !iso;
  std::uint64_t total = 0;
  bool any = false;
  while (!rest.empty()) {
    if (iso && rest.front() == 't' && !time_part) {
      time_part = true;
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const std::optional<std::uint64_t> count = whole_number(rest.substr(0, digits));
    if (!count || digits == rest.size() || *count > 1'000'000'000) return std::nullopt;
    const std::optional<std::uint64_t> unit = seconds_of(rest[digits], time_part);
    if (!unit) return std::nullopt;
    total += *count * *unit;
    if (total > std::uint64_t{1} << 62U) return std::nullopt;
    any = true;
    rest.remove_prefix(digits + 1);
  }
  if (!any) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(total));
}

std::optional<UnixTime> parse_time(std::string_view text, UnixTime now) {
  const std::string trimmed(trim(text));
  if (const std::optional<std::chrono::seconds> age = parse_age(trimmed)) return now - age->count();
  // A TOML parser accepts dates in all their forms.
  const Expected<TomlTable> table = parse_toml("moment = " + trimmed + "\n");
  if (!table || table->size() != 1) return std::nullopt;
  const TomlValue* value = find_key(*table, "moment");
  if (value == nullptr || value->datetime() == nullptr) return std::nullopt;
  return value->datetime()->unix_seconds;
}

}  // namespace moat
