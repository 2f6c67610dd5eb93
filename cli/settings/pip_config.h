// pip's own configuration: pip.conf files and PIP_* variables, as pip finds and reads them.
#pragma once

#include "cli/settings/variables.h"
#include "resolver/base/error.h"

#include <filesystem>
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

// The text of a pip.conf: Python's RawConfigParser. Fails on what that would not read.
Expected<std::vector<PipSetting>> parse_pip_conf(std::string_view text, std::string_view path);

// Throws Error(BadInput) for what is none; nothing where there is no such file.
std::vector<PipSetting> read_pip_conf(const std::filesystem::path& path);

// The files there are, those that count less first: the system's, the user's, the environment's,
// PIP_CONFIG_FILE's. The user's do not count where that variable names a file; none do where it is /dev/null.
// `isolated`: no file of the user's.
std::vector<std::filesystem::path> pip_conf_files(const Variables& variables,
                                                  const std::filesystem::path& home,
                                                  const std::filesystem::path& environment, bool isolated);

// Everything set, what counts less first: each file, then (unless `isolated`) the variables. Throws
// Error(BadInput).
std::vector<PipSetting> read_pip_settings(const Variables& variables, const std::filesystem::path& home,
                                          const std::filesystem::path& environment, bool isolated = false);

// What counts for a command: [global], then [COMMAND], then variables, each replacing what the one before
// set.
std::vector<PipSetting> pip_settings_for(std::string_view command, const std::vector<PipSetting>& all);

// Yes or no. Throws Error(Usage) for what is neither.
bool pip_flag(const PipSetting& setting);
// Words, separated by spaces or line ends.
std::vector<std::string> pip_list(const PipSetting& setting);
// `~/x` as the shell would have it, were it not behind a `=`.
std::string expand_home(const std::string& path, const std::filesystem::path& home);

}  // namespace moat
