#include "cli/settings/setting_layers.h"

#include "envs/python/discovery.h"
#include "resolver/base/error.h"
#include "resolver/base/nearest.h"
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
  ProjectMay project = ProjectMay::NotSet;
};

constexpr std::array kSettings = {
    KnownSetting{"advisories", SettingKind::Text},
    KnownSetting{"all-releases", SettingKind::List, ProjectMay::Set},
    KnownSetting{"allow-licences", SettingKind::List, ProjectMay::Set},
    KnownSetting{"audit-ignore", SettingKind::List, ProjectMay::Set},
    KnownSetting{"build-constraint", SettingKind::List, ProjectMay::Set},
    KnownSetting{"build-env", SettingKind::List, ProjectMay::Assign},
    KnownSetting{"build-network", SettingKind::Flag},
    KnownSetting{"cert", SettingKind::Text},
    KnownSetting{"client-cert", SettingKind::Text},
    KnownSetting{"compile", SettingKind::Text, ProjectMay::Set},
    KnownSetting{"default-groups", SettingKind::List, ProjectMay::Set},
    KnownSetting{"deny-licences", SettingKind::List, ProjectMay::Set},
    KnownSetting{"durable", SettingKind::Text},
    KnownSetting{"exclude-newer", SettingKind::Text, ProjectMay::Set},
    KnownSetting{"expand-variables", SettingKind::List},
    KnownSetting{"extra-index-url", SettingKind::List, ProjectMay::Set},
    KnownSetting{"find-links", SettingKind::List, ProjectMay::Set},
    KnownSetting{"fork", SettingKind::Text, ProjectMay::Set},
    KnownSetting{"index", SettingKind::List, ProjectMay::Set},
    KnownSetting{"index-strategy", SettingKind::Text, ProjectMay::Set},
    KnownSetting{"index-url", SettingKind::Text, ProjectMay::Set},
    KnownSetting{"link-mode", SettingKind::Text, ProjectMay::Set},
    KnownSetting{"no-binary", SettingKind::List, ProjectMay::Set},
    KnownSetting{"no-build", SettingKind::Flag, ProjectMay::Restrict},
    KnownSetting{"no-build-isolation", SettingKind::Flag},
    KnownSetting{"no-index", SettingKind::Flag, ProjectMay::Restrict},
    KnownSetting{"no-input", SettingKind::Flag},
    KnownSetting{"no-vulnerable", SettingKind::Flag, ProjectMay::Restrict},
    KnownSetting{"offline", SettingKind::Flag},
    KnownSetting{"only-binary", SettingKind::List, ProjectMay::Set},
    KnownSetting{"only-final", SettingKind::List, ProjectMay::Set},
    KnownSetting{"pins", SettingKind::Table, ProjectMay::Set},
    KnownSetting{"pre", SettingKind::Flag, ProjectMay::Set},
    KnownSetting{"proxy", SettingKind::Text},
    KnownSetting{"python", SettingKind::Text, ProjectMay::NameVersion},
    KnownSetting{"python-downloads", SettingKind::Text},
    KnownSetting{"python-mirror", SettingKind::Text},
    KnownSetting{"resolution", SettingKind::Text, ProjectMay::Set},
    KnownSetting{"retries", SettingKind::Number},
    KnownSetting{"skip-forbidden", SettingKind::List},
    KnownSetting{"store-dir", SettingKind::Text},
    KnownSetting{"strict-files", SettingKind::Flag, ProjectMay::Restrict},
    KnownSetting{"targets", SettingKind::List, ProjectMay::Set},
    KnownSetting{"timeout", SettingKind::Number},
    KnownSetting{"trusted-host", SettingKind::List},
    KnownSetting{"window", SettingKind::Text, ProjectMay::Set},
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

// A text without `=`, alone or in a list.
bool passes_a_variable(const TomlValue& value) {
  const auto passes = [](const TomlValue& one) {
    return one.string() != nullptr && one.string()->find('=') == std::string::npos;
  };
  return passes(value) ||
         (value.array() != nullptr && std::any_of(value.array()->begin(), value.array()->end(), passes));
}

// "" if the project may set this; else the reason why not.
std::string refusal(std::string_view name, const TomlValue& value) {
  switch (project_may(name)) {
    case ProjectMay::Set:
      return "";
    case ProjectMay::Restrict:
      return value.boolean() != nullptr && !*value.boolean() ? "a project can only set it to true" : "";
    case ProjectMay::NameVersion:
      return value.string() != nullptr && !names_version(*value.string())
                 ? "a project can only name a version of Python"
                 : "";
    case ProjectMay::Assign:
      return passes_a_variable(value) ? "a project can only give values, NAME=VALUE" : "";
    case ProjectMay::NotSet:
      return "a project cannot set it";
  }
  return "";
}

[[noreturn]] void throw_wrong_type(std::string_view name, const fs::path& file, const TomlValue& value,
                                   std::string_view wanted) {
  throw Error(ErrorKind::BadInput, fmt::format("{} must be {}", place(name, file, value), wanted));
}

// A list, or one text.
std::vector<std::string> texts_of(std::string_view name, const fs::path& file, const TomlValue& value) {
  if (value.string() != nullptr) return {*value.string()};
  if (value.array() == nullptr) throw_wrong_type(name, file, value, "a list of strings");
  std::vector<std::string> out;
  for (const TomlValue& element : *value.array()) {
    if (element.string() == nullptr) throw_wrong_type(name, file, element, "a list of strings");
    out.push_back(*element.string());
  }
  return out;
}

}  // namespace

std::optional<SettingKind> setting_kind(std::string_view name) {
  for (const KnownSetting& setting : kSettings)
    if (setting.name == name) return setting.kind;
  return std::nullopt;
}

ProjectMay project_may(std::string_view name) {
  return std::find_if(kSettings.begin(), kSettings.end(),
                      [&](const KnownSetting& setting) { return setting.name == name; })
      ->project;
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

void SettingLayers::add_project_file(const fs::path& path, TomlTable table) {
  for (auto it = table.begin(); it != table.end();) {
    const std::string& name = it->first;
    const std::string why = setting_kind(name) ? refusal(name, it->second) : "";
    if (!why.empty())
      refused_.push_back(fmt::format("{} has no effect: {}; `moat config set {} …` or {} sets it for you",
                                     place(name, path, it->second), why, name, variable_name(name)));
    it = why.empty() ? std::next(it) : table.erase(it);
  }
  files_.push_back({path, std::move(table), true});
}

std::optional<Told<std::string>> SettingLayers::from_variable(std::string_view name) const {
  std::string key = variable_name(name);
  std::string value = variable(variables_, key);
  if (value.empty()) return std::nullopt;
  return Told<std::string>{std::move(value), std::move(key)};
}

std::optional<SettingLayers::Found> SettingLayers::from_file(std::string_view name, Whose whose) const {
  for (const File& file : files_) {
    if (whose == Whose::Users && file.of_project) continue;
    if (const TomlValue* value = find_key(file.table, name)) return Found{file, *value};
  }
  return std::nullopt;
}

std::optional<Told<std::string>> SettingLayers::text(std::string_view name) const {
  if (auto told = from_variable(name)) return told;
  const std::optional<Found> found = from_file(name);
  if (!found) return std::nullopt;
  const auto& [file, value] = *found;
  if (value.string() == nullptr) throw_wrong_type(name, file.path, value, "a string");
  return Told<std::string>{*value.string(), place(name, file.path, value)};
}

std::optional<Told<int>> SettingLayers::number(std::string_view name) const {
  if (const auto told = from_variable(name)) {
    if (const std::optional<int> number = parse_count(told->value)) return Told<int>{*number, told->where};
    throw Error(ErrorKind::Usage,
                fmt::format("{} must be a number, not {}", told->where, quote(told->value)));
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
    throw Error(ErrorKind::Usage, fmt::format("{} must be 1 or 0, not {}", told->where, quote(told->value)));
  }
  const std::optional<Found> found = from_file(name);
  if (!found) return std::nullopt;
  const auto& [file, value] = *found;
  if (value.boolean() == nullptr) throw_wrong_type(name, file.path, value, "true or false");
  return *value.boolean();
}

std::vector<std::string> SettingLayers::list(std::string_view name) const { return list(name, Whose::All); }

std::vector<std::string> SettingLayers::users_list(std::string_view name) const {
  return list(name, Whose::Users);
}

std::optional<std::string> SettingLayers::users_text(std::string_view name) const {
  if (const auto told = from_variable(name)) return told->value;
  const std::optional<Found> found = from_file(name, Whose::Users);
  return found && found->value.string() != nullptr ? std::optional(*found->value.string()) : std::nullopt;
}

std::vector<std::string> SettingLayers::list(std::string_view name, Whose whose) const {
  if (const auto told = from_variable(name)) return words_of(told->value);
  const std::optional<Found> found = from_file(name, whose);
  return found ? texts_of(name, found->file.path, found->value) : std::vector<std::string>();
}

std::vector<std::string> SettingLayers::list_of_all(std::string_view name) const {
  std::vector<std::string> out;
  for (auto file = files_.rbegin(); file != files_.rend(); ++file)
    if (const TomlValue* value = find_key(file->table, name)) {
      const std::vector<std::string> texts = texts_of(name, file->path, *value);
      out.insert(out.end(), texts.begin(), texts.end());
    }
  if (const auto told = from_variable(name))
    for (std::string& word : words_of(told->value)) out.push_back(std::move(word));
  return out;
}

std::map<std::string, std::string> SettingLayers::table(std::string_view name) const {
  std::map<std::string, std::string> out;
  for (const File& file : files_) {
    const TomlValue* value = find_key(file.table, name);
    if (value == nullptr) continue;
    if (value->table() == nullptr) throw_wrong_type(name, file.path, *value, "a table of strings");
    for (const auto& [key, element] : *value->table()) {
      if (element.string() == nullptr) throw_wrong_type(name, file.path, element, "a table of strings");
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

namespace {

// Keys of [tool.moat] that are not settings (envs/project/project_files.h).
bool is_about_project(std::string_view key) {
  return key == "package" || key == "sources" || key == "workspace" || key == "conflicts";
}

}  // namespace

std::vector<std::string> SettingLayers::warnings() const {
  std::vector<std::string> out = refused_;
  const std::vector<std::string> known = setting_names();
  for (const File& file : files_)
    for (const auto& [key, value] : file.table)
      if (!setting_kind(key) && !(file.of_project && is_about_project(key))) {
        const std::optional<std::string> near = nearest_name(key, known);
        out.push_back(fmt::format("{} sets {}, which is not a setting{}", place(file.path, value), quote(key),
                                  near ? fmt::format("; did you mean `{}`?", *near) : ""));
      }
  return out;
}

}  // namespace moat
