// moat config list | get | set
#include "cli/commands/commands.h"
#include "cli/settings/setting_layers.h"
#include "cli/settings/user_config.h"
#include "fetch/os/file.h"
#include "resolver/base/nearest.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

void require_setting(const std::string& name) {
  if (setting_kind(name)) return;
  std::vector<std::string> hints;
  if (const std::optional<std::string> near = nearest_name(name, setting_names()))
    hints.push_back(fmt::format("did you mean `{}`?", *near));
  throw Error(ErrorKind::Usage, fmt::format("{} is not a setting", quote(name)), std::move(hints));
}

nlohmann::ordered_json as_json(const SettingTold& told) {
  return {{"name", told.name}, {"values", hide_credentials(told.values)}, {"where", told.where}};
}

}  // namespace

int execute(const ConfigListCommand&, Session& session) {
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const SettingTold& told : told_settings(session.settings())) {
    session.output().result(
        fmt::format("{} = {}    ({})", told.name, join(hide_credentials(told.values), " "), told.where));
    documents.push_back(as_json(told));
  }
  if (session.output().json()) session.output().document({{"schema", 1}, {"settings", documents}});
  if (documents.empty()) session.output().say("nothing is set");
  return 0;
}

int execute(const ConfigGetCommand& command, Session& session) {
  require_setting(command.name);
  const std::vector<SettingTold> all = told_settings(session.settings());
  const auto told =
      std::find_if(all.begin(), all.end(), [&](const SettingTold& one) { return one.name == command.name; });
  if (told == all.end()) throw Error(ErrorKind::NotFound, fmt::format("{} is not set", quote(command.name)));
  for (const std::string& value : hide_credentials(told->values)) session.output().result(value);
  if (session.output().json()) {
    nlohmann::ordered_json document = as_json(*told);
    document["schema"] = 1;
    session.output().document(document);
  }
  return 0;
}

int execute(const ConfigSetCommand& command, Session& session) {
  const fs::path& path = session.settings().config_file;
  require_setting(command.name);
  const bool unset = command.values.empty() && setting_kind(command.name) != SettingKind::Table;
  const std::optional<std::string> value =
      unset ? std::nullopt : std::optional(toml_setting(command.name, command.values));
  const std::string before = read_file_if_exists(path).value_or("");
  const Expected<std::string> text = with_setting(before, command.name, value);
  if (!text) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), text.error().message));
  check_settings(*text, path);
  const bool changed = *text != before;
  if (changed) write_user_config(path, *text);
  session.output().say(fmt::format("{}: {}", path.native(), changed ? "written" : "nothing to change"));
  if (session.output().json())
    session.output().document({{"schema", 1}, {"file", path.native()}, {"changed", changed}});
  return 0;
}

}  // namespace moat
