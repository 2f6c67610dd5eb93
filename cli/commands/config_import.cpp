// moat config import-pip
#include "cli/commands/commands.h"
#include "cli/session/which_env.h"
#include "cli/settings/pip_import.h"
#include "cli/settings/user_config.h"
#include "fetch/os/file.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

// The settings that `pip` would read here; settings in an environment's own pip.conf are for that
// environment, and stay there.
PipImport what_pip_says(const Settings& settings) {
  PipImport out =
      import_pip_settings(read_pip_settings(settings.variables, settings.home, {}), settings.home);
  if (const std::optional<ChosenEnvironment> chosen = choose_environment(settings))
    for (PipSetting& setting : read_pip_conf(chosen->root / "pip.conf"))
      out.left.push_back({std::move(setting), "it counts in this environment only"});
  return out;
}

// moat's error for a value; "" if it is valid.
std::string objection(const SettingTold& taken) {
  try {
    check_settings(fmt::format("{} = {}\n", taken.name, toml_setting(taken.name, taken.values)), taken.where);
  } catch (const Error& error) {
    const std::string what = error.what(), place = taken.where + ":1: ";
    const std::size_t at = what.find(place);
    return at == what.npos ? what : what.substr(at + place.size());
  }
  return "";
}

// "" if the setting can be imported.
std::string why_not(const SettingTold& taken, const std::vector<SettingTold>& there, bool replace) {
  const auto other = std::find_if(there.begin(), there.end(),
                                  [&](const SettingTold& one) { return one.name == taken.name; });
  if (other != there.end() && other->values == taken.values)
    return fmt::format("{} says the same", other->where);
  if (other != there.end() && !replace)
    return fmt::format("{} has another value; `--replace` takes this one", other->where);
  return objection(taken);
}

// Settings that the settings file rejects are moved to the skipped ones.
void leave_what_does_not_fit(PipImport& all, const std::vector<SettingTold>& there, bool replace) {
  std::vector<PipImport::Taken> taken;
  for (PipImport::Taken& one : all.taken) {
    std::string why = why_not(one.moat, there, replace);
    if (why.empty())
      taken.push_back(std::move(one));
    else
      all.left.push_back({std::move(one.pip), std::move(why)});
  }
  all.taken = std::move(taken);
}

// Notes about the imported settings.
void say_what_follows(const PipImport& all, const Settings& settings, Output& output) {
  const auto any = [&](const auto& is) { return std::any_of(all.taken.begin(), all.taken.end(), is); };
  if (any([](const PipImport::Taken& one) { return hide_credentials(one.moat.values) != one.moat.values; }))
    output.say("credentials came along; the settings file is readable by you alone");
  if (any([](const PipImport::Taken& one) { return one.moat.name == "extra-index-url"; }) &&
      settings.index_strategy == IndexStrategy::FirstIndex)
    output.say(
        "moat takes a package from the first index that has it; pip's way, the best of all of them, is "
        "`moat config set index-strategy best-match`");
}

nlohmann::ordered_json as_json(const PipImport& all) {
  nlohmann::ordered_json taken = nlohmann::ordered_json::array(), left = taken;
  for (const auto& [pip, moat] : all.taken)
    taken.push_back({{"name", moat.name}, {"values", hide_credentials(moat.values)}, {"where", moat.where}});
  for (const auto& [pip, why] : all.left)
    left.push_back(
        {{"name", pip.key}, {"value", hide_credentials(pip.value)}, {"where", pip.where}, {"why", why}});
  return {{"schema", 1}, {"taken", taken}, {"left", left}};
}

void print(const PipImport& all, Output& output) {
  for (const auto& [pip, moat] : all.taken)
    output.result(
        fmt::format("{} = {}    ({})", moat.name, join(hide_credentials(moat.values), " "), moat.where));
  for (const auto& [pip, why] : all.left)
    output.result(fmt::format("left: {} = {}    ({}): {}", pip.key,
                              join(hide_credentials(pip_list(pip)), " "), pip.where, why));
}

}  // namespace

int execute(const ConfigImportPipCommand& command, Session& session) {
  const fs::path& path = session.settings().config_file;
  const std::string before = read_file_if_exists(path).value_or("");
  PipImport all = what_pip_says(session.settings());
  leave_what_does_not_fit(all, told_settings(before, path), command.replace);
  std::string text = before;
  for (const auto& [pip, moat] : all.taken)
    text = with_setting(text, moat.name, toml_setting(moat.name, moat.values)).value();
  check_settings(text, path);
  const bool changed = text != before;
  if (changed && !command.dry_run) write_user_config(path, text);

  Output& output = session.output();
  print(all, output);
  say_what_follows(all, session.settings(), output);
  if (all.taken.empty() && all.left.empty()) output.say("pip's configuration sets nothing");
  output.say(fmt::format("{}: {}", path.native(),
                         !changed          ? "nothing to change"
                         : command.dry_run ? "would be written"
                                           : "written"));
  if (output.json()) {
    nlohmann::ordered_json document = as_json(all);
    document["file"] = path.native();
    document["changed"] = changed && !command.dry_run;
    output.document(document);
  }
  return 0;
}

}  // namespace moat
