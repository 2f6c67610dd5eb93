// pip's own configuration: pip.conf files and PIP_* variables, as pip finds them.
#pragma once

#include "fetch/os/variables.h"
#include "resolver/files/pip_conf.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

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

// `~/x` as a shell would expand it, if it did so after a `=`.
std::string expand_home(const std::string& path, const std::filesystem::path& home);

}  // namespace moat
