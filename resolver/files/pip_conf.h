// pip.conf, and what its settings say, as pip reads them.
#pragma once

#include "resolver/base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

// `index-url = https://…` of [global] in a file, or PIP_INDEX_URL.
struct PipSetting {
  std::string section;  // "global", "install", …; "" for a variable
  std::string key;      // "index-url": lower case, dashes
  std::string value;    // never empty: an empty one counts as not set
  std::string where;    // "/etc/pip.conf:3", "PIP_INDEX_URL"
};

// Parses a pip.conf like Python's RawConfigParser. Fails where that would.
Expected<std::vector<PipSetting>> parse_pip_conf(std::string_view text, std::string_view path);

// "INDEX_URL", "--index_url" → "index-url"
std::string pip_key(std::string_view name);

// The settings of a command: [global], then [COMMAND], then variables, each overriding the one
// before.
std::vector<PipSetting> pip_settings_for(std::string_view command, const std::vector<PipSetting>& all);

// Yes or no. Throws Error(Usage) for anything else.
bool pip_flag(const PipSetting& setting);
// Words, separated by spaces or line ends.
std::vector<std::string> pip_list(const PipSetting& setting);

}  // namespace moat
