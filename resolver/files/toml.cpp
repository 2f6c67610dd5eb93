#include "resolver/files/toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <ctime>
#include <string>

namespace moat {
namespace {

// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil).
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}

std::int64_t seconds_of(const toml::date& date) {
  return days_from_civil(date.year, date.month, date.day) * 86400;
}
std::int64_t seconds_of(const toml::time& time) {
  return std::int64_t{time.hour} * 3600 + std::int64_t{time.minute} * 60 + time.second;
}

TomlDateTime convert(const toml::date_time& when) {
  const std::int64_t local = seconds_of(when.date) + seconds_of(when.time);
  if (!when.offset) return {local, false};
  return {local - std::int64_t{when.offset->minutes} * 60, true};
}

TomlTable convert(const toml::table& table);

TomlValue convert(const toml::node& node) {
  TomlValue out;
  out.line = node.source().begin.line;
  if (const auto* table = node.as_table()) {
    out.value = convert(*table);
  } else if (const auto* array = node.as_array()) {
    TomlArray items;
    items.reserve(array->size());
    for (const toml::node& item : *array) items.push_back(convert(item));
    out.value = std::move(items);
  } else if (const auto* text = node.as_string()) {
    out.value = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.value = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.value = real->get();
  } else if (const auto* flag = node.as_boolean()) {
    out.value = flag->get();
  } else if (const auto* when = node.as_date_time()) {
    out.value = convert(when->get());
  } else if (const auto* date = node.as_date()) {
    out.value = TomlDateTime{seconds_of(date->get()), false};
  } else if (const auto* time = node.as_time()) {
    out.value = TomlDateTime{seconds_of(time->get()), false};
  }
  return out;
}

TomlTable convert(const toml::table& table) {
  TomlTable out;
  for (const auto& [key, node] : table) out.emplace(std::string(key.str()), convert(node));
  return out;
}

// Nobody writes tables nested this deep with dotted keys.
constexpr int kMostDots = 100;

// The offset after the quoted text that begins at `begin`.
std::size_t end_of_text(std::string_view text, std::size_t begin) {
  const char quote = text[begin];
  const std::string three(3, quote);
  const bool is_long = text.substr(begin, 3) == three;
  for (std::size_t i = begin + (is_long ? 3 : 1); i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"')
      ++i;
    else if (is_long && text.substr(i, 3) == three)
      return i + 3;
    else if (!is_long && (text[i] == quote || text[i] == '\n'))
      return i + 1;
  }
  return text.size();
}

// a.b.c… without end. toml++ limits the depth of nested values, but not of dotted keys, each of which makes a
// table inside the previous one; and code that walks the result is recursive.
bool has_endless_key(std::string_view text) {
  int dots = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = end_of_text(text, i);
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else {
      if (c == '.' && ++dots > kMostDots) return true;
      if (std::string_view("\n=,{}[]").find(c) != std::string_view::npos) dots = 0;
      ++i;
    }
  }
  return false;
}

}  // namespace

Expected<TomlTable> parse_toml(std::string_view text) {
  if (has_endless_key(text)) return parse_error(fmt::format("a key of more than {} parts", kMostDots));
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return parse_error(fmt::format("{} (line {}, column {})", error.description(), error.source().begin.line,
                                   error.source().begin.column));
  }
}

const TomlValue* find_key(const TomlTable& table, std::string_view key) {
  const auto found = table.find(key);
  return found == table.end() ? nullptr : &found->second;
}

const TomlValue* find_path(const TomlTable& table, std::initializer_list<std::string_view> path) {
  const TomlTable* here = &table;
  const TomlValue* value = nullptr;
  for (const std::string_view key : path) {
    if (here == nullptr) return nullptr;
    value = find_key(*here, key);
    if (value == nullptr) return nullptr;
    here = value->table();
  }
  return value;
}

std::string toml_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        else
          out += c;
    }
  }
  return out + "\"";
}

std::string toml_datetime(std::int64_t unix_seconds) {
  const auto when = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&when, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace moat
