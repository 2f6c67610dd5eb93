// pip's own configuration: pip.conf files and PIP_* variables, as pip finds and reads them.
#pragma once

#include "fetch/os/variables.h"
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

// Parses a pip.conf like Python's RawConfigParser. Fails where that would.
Expected<std::vector<PipSetting>> parse_pip_conf(std::string_view text, std::string_view path);

// Throws Error(BadInput) for an invalid file; nothing if there is no such file.
std::vector<PipSetting> read_pip_conf(const std::filesystem::path& path);

// The existing files, lowest priority first: the system's, the user's, the environment's, PIP_CONFIG_FILE's.
// The user's are ignored if that variable names a file; all are if it is /dev/null. `isolated`: ignores the
// user's files.
std::vector<std::filesystem::path> pip_conf_files(const Variables& variables,
                                                  const std::filesystem::path& home,
                                                  const std::filesystem::path& environment, bool isolated);

// All settings, lowest priority first: each file, then (unless `isolated`) the variables. Throws
// Error(BadInput).
std::vector<PipSetting> read_pip_settings(const Variables& variables, const std::filesystem::path& home,
                                          const std::filesystem::path& environment, bool isolated = false);

// The settings of a command: [global], then [COMMAND], then variables, each overriding the one
// before.
std::vector<PipSetting> pip_settings_for(std::string_view command, const std::vector<PipSetting>& all);

// Yes or no. Throws Error(Usage) for anything else.
bool pip_flag(const PipSetting& setting);
// Words, separated by spaces or line ends.
std::vector<std::string> pip_list(const PipSetting& setting);
// `~/x` as a shell would expand it, if it did so after a `=`.
std::string expand_home(const std::string& path, const std::filesystem::path& home);

}  // namespace moat
