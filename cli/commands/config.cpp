// moat config list | get | set
#include "cli/commands/commands.h"
#include "cli/nearest.h"
#include "cli/redact.h"
#include "cli/user_config.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/toml.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

SettingKind kind_of(const std::string& name) {
  if (const std::optional<SettingKind> kind = setting_kind(name)) return *kind;
  std::vector<std::string> hints;
  if (const std::optional<std::string> near = nearest_name(name, setting_names()))
    hints.push_back(fmt::format("did you mean `{}`?", *near));
  throw Error(ErrorKind::Usage, fmt::format("{} is not a setting", quote(name)), std::move(hints));
}

std::vector<std::string> without_credentials(std::vector<std::string> values) {
  for (std::string& value : values) value = hide_credentials(value);
  return values;
}

nlohmann::ordered_json as_json(const SettingTold& told) {
  return {{"name", told.name}, {"values", without_credentials(told.values)}, {"where", told.where}};
}

std::string flag_text(const std::string& value) {
  if (const std::optional<bool> flag = parse_flag(value)) return *flag ? "true" : "false";
  throw Error(ErrorKind::Usage, fmt::format("{} is neither true nor false", quote(value)));
}

// As the settings file has it; nullopt: not set any more.
std::optional<std::string> toml_value(const ConfigSetCommand& command) {
  const SettingKind kind = kind_of(command.name);
  if (kind == SettingKind::Table)
    throw Error(ErrorKind::Usage,
                fmt::format("{} is a table of the settings file, to be edited there", quote(command.name)));
  if (command.values.empty()) return std::nullopt;
  if (kind == SettingKind::List) {
    std::vector<std::string> quoted;
    for (const std::string& value : command.values) quoted.push_back(toml_quote(value));
    return "[" + join(quoted, ", ") + "]";
  }
  if (command.values.size() > 1)
    throw Error(ErrorKind::Usage, fmt::format("{} has one value", quote(command.name)));
  const std::string& value = command.values.front();
  return kind == SettingKind::Flag ? flag_text(value) : toml_quote(value);
}

}  // namespace

int execute(const ConfigListCommand&, Session& session) {
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const SettingTold& told : told_settings(session.settings())) {
    session.output().result(
        fmt::format("{} = {}    ({})", told.name, join(without_credentials(told.values), " "), told.where));
    documents.push_back(as_json(told));
  }
  if (session.output().json()) session.output().document({{"schema", 1}, {"settings", documents}});
  if (documents.empty()) session.output().say("nothing is set");
  return 0;
}

int execute(const ConfigGetCommand& command, Session& session) {
  kind_of(command.name);
  const std::vector<SettingTold> all = told_settings(session.settings());
  const auto told =
      std::find_if(all.begin(), all.end(), [&](const SettingTold& one) { return one.name == command.name; });
  if (told == all.end()) throw Error(ErrorKind::NotFound, fmt::format("{} is not set", quote(command.name)));
  for (const std::string& value : without_credentials(told->values)) session.output().result(value);
  if (session.output().json()) {
    nlohmann::ordered_json document = as_json(*told);
    document["schema"] = 1;
    session.output().document(document);
  }
  return 0;
}

int execute(const ConfigSetCommand& command, Session& session) {
  const fs::path& path = session.settings().config_file;
  const std::optional<std::string> value = toml_value(command);
  const std::string before = read_file_if_exists(path).value_or("");
  const Expected<std::string> text = with_setting(before, command.name, value);
  if (!text) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), text.error().message));
  check_settings(*text, path);
  const bool changed = *text != before;
  if (changed) {
    make_directories(path.parent_path());
    write_file_atomically(path, *text, 0600, Durability::Synced);  // it may hold credentials
  }
  session.output().say(fmt::format("{}: {}", path.native(), changed ? "written" : "nothing to change"));
  if (session.output().json())
    session.output().document({{"schema", 1}, {"file", path.native()}, {"changed", changed}});
  return 0;
}

}  // namespace moat
