// TOML 1.0 text → value tree (toml++ behind it), and the pieces that writers of TOML need.
#pragma once

#include "resolver/base/error.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moat {

struct TomlValue;
using TomlArray = std::vector<TomlValue>;
using TomlTable = std::map<std::string, TomlValue, std::less<>>;

// A date with a time, as seconds since the epoch. has_offset false: a local date-time, or a date alone.
struct TomlDateTime {
  std::int64_t unix_seconds = 0;
  bool has_offset = false;
};

struct TomlValue {
  std::variant<std::string, std::int64_t, double, bool, TomlDateTime, TomlArray, TomlTable> value;
  std::uint32_t line = 0;  // 1-based, where it stands

  // nullptr where it is of another type.
  const std::string* string() const { return std::get_if<std::string>(&value); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value); }
  const bool* boolean() const { return std::get_if<bool>(&value); }
  const TomlDateTime* datetime() const { return std::get_if<TomlDateTime>(&value); }
  const TomlArray* array() const { return std::get_if<TomlArray>(&value); }
  const TomlTable* table() const { return std::get_if<TomlTable>(&value); }
};

// The message ends in "(line 3, column 7)".
Expected<TomlTable> parse_toml(std::string_view text);

const TomlValue* find_key(const TomlTable& table, std::string_view key);
// By path: find_path(t, {"tool", "moat"}).
const TomlValue* find_path(const TomlTable& table, std::initializer_list<std::string_view> path);

// "text" as a TOML basic string, quotes and escapes included.
std::string toml_quote(std::string_view text);
// 2024-01-31T12:00:00Z
std::string toml_datetime(std::int64_t unix_seconds);

}  // namespace moat
