#include "cli/settings/pip_import.h"

#include "resolver/base/redact.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moat {
namespace {

enum class Form { Flag, Text, Path, Words, Names };

// pip's name, moat's name, and how pip writes the value.
struct Match {
  std::string_view pip, moat;
  Form form;
};
constexpr std::array kMatches = {
    Match{"all-releases", "all-releases", Form::Names},
    Match{"build-constraint", "build-constraint", Form::Words},
    Match{"cert", "cert", Form::Path},
    Match{"client-cert", "client-cert", Form::Path},
    Match{"compile", "compile", Form::Flag},
    Match{"extra-index-url", "extra-index-url", Form::Words},
    Match{"find-links", "find-links", Form::Words},
    Match{"index-url", "index-url", Form::Text},
    Match{"no-binary", "no-binary", Form::Names},
    Match{"no-index", "no-index", Form::Flag},
    Match{"no-input", "no-input", Form::Flag},
    Match{"only-binary", "only-binary", Form::Names},
    Match{"only-final", "only-final", Form::Names},
    Match{"pre", "pre", Form::Flag},
    Match{"proxy", "proxy", Form::Text},
    Match{"retries", "retries", Form::Text},
    Match{"timeout", "timeout", Form::Text},
    Match{"trusted-host", "trusted-host", Form::Words},
    Match{"uploaded-prior-to", "exclude-newer", Form::Text},
};

// Why others are not imported; moat has none for the rest.
struct Reason {
  std::string_view pip, why;
};
constexpr std::array kReasons = {
    Reason{"cache-dir", "moat has a store of its own: `moat config set store-dir DIR`"},
    Reason{"constraint", "moat has no setting for it: `-c FILE` on the command line"},
    // In pip.conf these set what the option turns off on the command line, so `yes` leaves it on.
    Reason{"no-build-isolation",
           "pip reads `yes` as `no` here; `moat config set no-build-isolation true` is clear"},
    Reason{"no-cache-dir", "moat's store is what environments are made from"},
    Reason{"no-compile", "pip reads `yes` as `no` here; `moat config set compile false` is clear"},
    Reason{"require-virtualenv", "moat never installs outside an environment"},
    Reason{"requirement", "moat has no setting for it: `-r FILE` on the command line"},
};

std::string_view why_left(std::string_view key) {
  for (const Reason& reason : kReasons)
    if (reason.pip == key) return reason.why;
  return "moat has no such setting";
}

std::vector<std::string> names_of(const PipSetting& setting) {
  std::vector<std::string> out;
  for (const std::string& word : pip_list(setting))
    for (const std::string_view name : split(word, ','))
      if (!name.empty()) out.emplace_back(name);
  return out;
}

std::vector<std::string> values_of(const PipSetting& setting, Form form, const std::filesystem::path& home) {
  switch (form) {
    case Form::Flag:
      return {pip_flag(setting) ? "true" : "false"};
    case Form::Text:
      return {setting.value};
    case Form::Path:
      return {expand_home(setting.value, home)};
    case Form::Names:
      return names_of(setting);
    case Form::Words:
      break;
  }
  std::vector<std::string> words = pip_list(setting);
  for (std::string& word : words) word = expand_home(word, home);
  return words;
}

// moat must not write a secret into a file if no file contains it yet.
bool holds_a_secret_of_no_file(const PipSetting& setting) {
  return setting.section.empty() && hide_credentials(setting.value) != setting.value;
}

}  // namespace

PipImport import_pip_settings(const std::vector<PipSetting>& all, const std::filesystem::path& home) {
  PipImport out;
  const std::vector<PipSetting> counting = pip_settings_for("install", all);
  for (const PipSetting& setting : all) {
    if (setting.key == "config-file") continue;  // it said where to read
    const bool general =
        setting.section.empty() || setting.section == "global" || setting.section == "install";
    const auto counts = std::find_if(counting.begin(), counting.end(),
                                     [&](const PipSetting& one) { return one.key == setting.key; });
    const auto* match = std::find_if(kMatches.begin(), kMatches.end(),
                                     [&](const Match& one) { return one.pip == setting.key; });
    if (!general)
      out.left.push_back({setting, fmt::format("it is for `pip {}` only", setting.section)});
    else if (counts->where != setting.where)
      out.left.push_back({setting, fmt::format("{} counts more", counts->where)});
    else if (match == kMatches.end())
      out.left.push_back({setting, std::string(why_left(setting.key))});
    else if (holds_a_secret_of_no_file(setting))
      out.left.push_back(
          {setting, fmt::format("it holds credentials, which are not in any file yet; `MOAT_{}` in "
                                "place of it keeps it so",
                                setting.where.substr(std::string_view("PIP_").size()))});
    else
      out.taken.push_back(
          {setting, {std::string(match->moat), values_of(setting, match->form, home), setting.where}});
  }
  return out;
}

}  // namespace moat
