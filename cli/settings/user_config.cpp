#include "cli/settings/user_config.h"

#include "cli/settings/setting_layers.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/files/toml.h"

#include <fmt/format.h>

namespace moat {
namespace {

using Lines = std::vector<std::string>;

std::string text_of(const Lines& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

Lines without(const Lines& lines, std::size_t first, std::size_t count) {
  Lines out = lines;
  const auto begin = out.begin() + static_cast<std::ptrdiff_t>(first);
  out.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  return out;
}

// How many lines the setting that begins on `first` takes: as many as must be removed so that the rest parses
// as the same file without it.
std::size_t extent(const Lines& lines, std::size_t first, std::string_view name, std::size_t settings) {
  for (std::size_t count = 1; first + count <= lines.size(); ++count) {
    const Expected<TomlTable> rest = parse_toml(text_of(without(lines, first, count)));
    if (rest && find_key(*rest, name) == nullptr && rest->size() + 1 == settings) return count;
  }
  return 1;
}

// Before the first table; lines after a table's header would belong to the table.
std::size_t place_for_new(const Lines& lines, std::string_view name, const std::string& line) {
  for (std::size_t at = 0; at <= lines.size(); ++at) {
    if (at < lines.size() && trim(lines[at]).substr(0, 1) != "[") continue;
    Lines longer = lines;
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(at), line);
    const Expected<TomlTable> table = parse_toml(text_of(longer));
    if (table && find_key(*table, name) != nullptr) return at;
  }
  return 0;
}

std::string toml_flag(const std::string& value) {
  if (const std::optional<bool> flag = parse_flag(value)) return *flag ? "true" : "false";
  throw Error(ErrorKind::Usage, fmt::format("{} must be true or false", quote(value)));
}

std::string toml_number(const std::string& value) {
  if (const std::optional<int> count = parse_count(value)) return std::to_string(*count);
  throw Error(ErrorKind::Usage, fmt::format("{} must be a number", quote(value)));
}

}  // namespace

Expected<std::string> with_setting(std::string_view text, std::string_view name,
                                   const std::optional<std::string>& toml_value) {
  const Expected<TomlTable> table = parse_toml(text);
  if (!table) return tl::unexpected(table.error());
  Lines lines;
  for (const std::string_view line : split_lines(text)) lines.emplace_back(line);
  const std::string line = toml_value ? fmt::format("{} = {}", name, *toml_value) : "";

  const TomlValue* before = find_key(*table, name);
  std::size_t at = 0;
  if (before != nullptr) {
    at = before->line - 1;
    lines = without(lines, at, extent(lines, at, name, table->size()));
  } else if (toml_value) {
    at = place_for_new(lines, name, line);
  }
  if (toml_value) lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), line);
  return text_of(lines);
}

std::string toml_setting(std::string_view name, const std::vector<std::string>& values) {
  const std::optional<SettingKind> kind = setting_kind(name);
  if (kind == SettingKind::Table)
    throw Error(ErrorKind::Usage, fmt::format("{} is a table: edit it in the settings file", quote(name)));
  if (kind == SettingKind::List) {
    std::vector<std::string> quoted;
    for (const std::string& value : values) quoted.push_back(toml_quote(value));
    return "[" + join(quoted, ", ") + "]";
  }
  if (values.size() != 1) throw Error(ErrorKind::Usage, fmt::format("{} takes one value", quote(name)));
  if (kind == SettingKind::Flag) return toml_flag(values.front());
  return kind == SettingKind::Number ? toml_number(values.front()) : toml_quote(values.front());
}

void write_user_config(const fs::path& path, const std::string& text) {
  make_directories(path.parent_path());
  write_file_atomically(path, text, 0600, Durability::Synced);
}

}  // namespace moat
