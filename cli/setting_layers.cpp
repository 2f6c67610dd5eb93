#include "cli/setting_layers.h"

#include "cli/nearest.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace moat {
namespace {

namespace fs = std::filesystem;

struct KnownSetting {
  std::string_view name;
  SettingKind kind;
};

constexpr std::array kSettings = {
    KnownSetting{"all-releases", SettingKind::List},
    KnownSetting{"build-constraint", SettingKind::List},
    KnownSetting{"build-network", SettingKind::Flag},
    KnownSetting{"cert", SettingKind::Text},
    KnownSetting{"client-cert", SettingKind::Text},
    KnownSetting{"compile", SettingKind::Flag},
    KnownSetting{"exclude-newer", SettingKind::Text},
    KnownSetting{"extra-index-url", SettingKind::List},
    KnownSetting{"find-links", SettingKind::List},
    KnownSetting{"index", SettingKind::List},
    KnownSetting{"index-strategy", SettingKind::Text},
    KnownSetting{"index-url", SettingKind::Text},
    KnownSetting{"link-mode", SettingKind::Text},
    KnownSetting{"no-binary", SettingKind::List},
    KnownSetting{"no-build", SettingKind::Flag},
    KnownSetting{"no-build-isolation", SettingKind::Flag},
    KnownSetting{"no-index", SettingKind::Flag},
    KnownSetting{"no-input", SettingKind::Flag},
    KnownSetting{"offline", SettingKind::Flag},
    KnownSetting{"only-binary", SettingKind::List},
    KnownSetting{"only-final", SettingKind::List},
    KnownSetting{"pins", SettingKind::Table},
    KnownSetting{"pre", SettingKind::Flag},
    KnownSetting{"proxy", SettingKind::Text},
    KnownSetting{"python", SettingKind::Text},
    KnownSetting{"resolution", SettingKind::Text},
    KnownSetting{"retries", SettingKind::Number},
    KnownSetting{"store-dir", SettingKind::Text},
    KnownSetting{"strict-files", SettingKind::Flag},
    KnownSetting{"timeout", SettingKind::Number},
    KnownSetting{"trusted-host", SettingKind::List},
    KnownSetting{"window", SettingKind::Text},
};

constexpr int kLargestCount = 1'000'000;

std::string variable_name(std::string_view setting) {
  std::string out = "MOAT_";
  for (const char c : setting) out += c == '-' ? '_' : is_ascii_lower(c) ? static_cast<char>(c - 32) : c;
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text) {
    if (!is_ascii_space(c))
      word += c;
    else if (!word.empty())
      out.push_back(std::exchange(word, {}));
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

std::string place(const fs::path& file, const TomlValue& value) {
  return fmt::format("{}:{}", file.native(), value.line);
}

std::string place(std::string_view name, const fs::path& file, const TomlValue& value) {
  return fmt::format("`{}` in {}", name, place(file, value));
}

[[noreturn]] void throw_wrong_type(std::string_view name, const fs::path& file, const TomlValue& value,
                                   std::string_view wanted) {
  throw Error(ErrorKind::BadInput, fmt::format("{} is not {}", place(name, file, value), wanted));
}

}  // namespace

std::optional<SettingKind> setting_kind(std::string_view name) {
  for (const KnownSetting& setting : kSettings)
    if (setting.name == name) return setting.kind;
  return std::nullopt;
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  for (const KnownSetting& setting : kSettings) names.emplace_back(setting.name);
  return names;
}

std::optional<bool> parse_flag(std::string_view text) {
  const std::string value = ascii_lower(text);
  for (const std::string_view yes : {"1", "true", "yes", "on"})
    if (value == yes) return true;
  for (const std::string_view no : {"0", "false", "no", "off"})
    if (value == no) return false;
  return std::nullopt;
}

std::optional<int> parse_count(std::string_view text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0 || count > kLargestCount)
    return std::nullopt;
  return count;
}

void SettingLayers::add_file(const fs::path& path, TomlTable table) {
  files_.push_back({path, std::move(table)});
}

std::optional<Told<std::string>> SettingLayers::from_variable(std::string_view name) const {
  std::string key = variable_name(name);
  std::string value = variable(variables_, key);
  if (value.empty()) return std::nullopt;
  return Told<std::string>{std::move(value), std::move(key)};
}

std::optional<SettingLayers::Found> SettingLayers::from_file(std::string_view name) const {
  for (const File& file : files_)
    if (const TomlValue* value = find_key(file.table, name)) return Found{file, *value};
  return std::nullopt;
}

std::optional<Told<std::string>> SettingLayers::text(std::string_view name) const {
  if (auto told = from_variable(name)) return told;
  const std::optional<Found> found = from_file(name);
  if (!found) return std::nullopt;
  const auto& [file, value] = *found;
  if (value.string() == nullptr) throw_wrong_type(name, file.path, value, "a text");
  return Told<std::string>{*value.string(), place(name, file.path, value)};
}

std::optional<Told<int>> SettingLayers::number(std::string_view name) const {
  if (const auto told = from_variable(name)) {
    if (const std::optional<int> number = parse_count(told->value)) return Told<int>{*number, told->where};
    throw Error(ErrorKind::Usage, fmt::format("{} is not a number but {}", told->where, quote(told->value)));
  }
  const std::optional<Found> found = from_file(name);
  if (!found) return std::nullopt;
  const auto& [file, value] = *found;
  if (value.integer() == nullptr || *value.integer() < 0 || *value.integer() > kLargestCount)
    throw_wrong_type(name, file.path, value, "a number");
  return Told<int>{static_cast<int>(*value.integer()), place(name, file.path, value)};
}

std::optional<bool> SettingLayers::flag(std::string_view name) const {
  if (const auto told = from_variable(name)) {
    if (const std::optional<bool> flag = parse_flag(told->value)) return flag;
    throw Error(ErrorKind::Usage, fmt::format("{} is not 1 or 0 but {}", told->where, quote(told->value)));
  }
  const std::optional<Found> found = from_file(name);
  if (!found) return std::nullopt;
  const auto& [file, value] = *found;
  if (value.boolean() == nullptr) throw_wrong_type(name, file.path, value, "true or false");
  return *value.boolean();
}

std::vector<std::string> SettingLayers::list(std::string_view name) const {
  if (const auto told = from_variable(name)) return words_of(told->value);
  const std::optional<Found> found = from_file(name);
  if (!found) return {};
  const auto& [file, value] = *found;
  if (value.string() != nullptr) return {*value.string()};
  if (value.array() == nullptr) throw_wrong_type(name, file.path, value, "a list of texts");
  std::vector<std::string> out;
  for (const TomlValue& element : *value.array()) {
    if (element.string() == nullptr) throw_wrong_type(name, file.path, element, "a list of texts");
    out.push_back(*element.string());
  }
  return out;
}

std::map<std::string, std::string> SettingLayers::table(std::string_view name) const {
  std::map<std::string, std::string> out;
  for (const File& file : files_) {
    const TomlValue* value = find_key(file.table, name);
    if (value == nullptr) continue;
    if (value->table() == nullptr) throw_wrong_type(name, file.path, *value, "a table of texts");
    for (const auto& [key, element] : *value->table()) {
      if (element.string() == nullptr) throw_wrong_type(name, file.path, element, "a table of texts");
      out.emplace(key, *element.string());
    }
  }
  return out;
}

std::optional<Told<std::vector<std::string>>> SettingLayers::told(std::string_view name) const {
  const bool is_list = setting_kind(name) == SettingKind::List;
  if (const auto told = from_variable(name))
    return Told<std::vector<std::string>>{is_list ? list(name) : std::vector{told->value}, told->where};
  const std::optional<Found> found = from_file(name);
  if (!found) return std::nullopt;
  const auto& [file, value] = *found;
  Told<std::vector<std::string>> out{{}, place(file.path, value)};
  if (value.integer() != nullptr) out.value.push_back(std::to_string(*value.integer()));
  if (value.boolean() != nullptr) out.value.emplace_back(*value.boolean() ? "true" : "false");
  if (value.string() != nullptr) out.value.push_back(*value.string());
  if (value.array() != nullptr) out.value = list(name);
  if (value.table() != nullptr)
    for (const auto& [key, text] : table(name)) out.value.push_back(key + "=" + text);
  return out;
}

std::vector<std::string> SettingLayers::unknown_settings() const {
  std::vector<std::string> out;
  const std::vector<std::string> known = setting_names();
  for (const File& file : files_)
    for (const auto& [key, value] : file.table)
      if (!setting_kind(key)) {
        const std::optional<std::string> near = nearest_name(key, known);
        out.push_back(fmt::format("{} sets {}, which is not a setting{}", place(file.path, value), quote(key),
                                  near ? fmt::format("; did you mean `{}`?", *near) : ""));
      }
  return out;
}

}  // namespace moat
