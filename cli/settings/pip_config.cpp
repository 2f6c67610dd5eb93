#include "cli/settings/pip_config.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moat {
namespace {

constexpr std::string_view kPrefix = "PIP_";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

}  // namespace

std::vector<fs::path> pip_conf_files(const Variables& variables, const fs::path& home,
                                     const fs::path& environment, bool isolated) {
  const fs::path named = variable(variables, "PIP_CONFIG_FILE");
  if (named == "/dev/null") return {};
  std::vector<fs::path> files;
  std::string system = variable(variables, "XDG_CONFIG_DIRS");
  if (system.empty()) system = "/etc/xdg";
  for (const std::string_view folder : split(system, ':'))
    if (!folder.empty()) files.push_back(fs::path(folder) / "pip" / "pip.conf");
  files.emplace_back("/etc/pip.conf");
  if (!isolated && !(is_file(named) && !named.empty())) {
    files.push_back(home / ".pip" / "pip.conf");
    const std::string xdg = variable(variables, "XDG_CONFIG_HOME");
    files.push_back((xdg.empty() ? home / ".config" : fs::path(xdg)) / "pip" / "pip.conf");
  }
  if (!environment.empty()) files.push_back(environment / "pip.conf");
  if (!named.empty()) files.push_back(named);
  std::erase_if(files, [](const fs::path& file) { return !is_file(file); });
  return files;
}

std::vector<PipSetting> read_pip_conf(const fs::path& path) {
  if (!is_file(path)) return {};
  Expected<std::vector<PipSetting>> settings = parse_pip_conf(read_file(path), path.native());
  if (!settings)
    throw Error(ErrorKind::BadInput,
                fmt::format("cannot read {}: {}", path.native(), settings.error().message));
  return std::move(*settings);
}

std::vector<PipSetting> read_pip_settings(const Variables& variables, const fs::path& home,
                                          const fs::path& environment, bool isolated) {
  std::vector<PipSetting> out;
  for (const fs::path& file : pip_conf_files(variables, home, environment, isolated)) {
    std::vector<PipSetting> settings = read_pip_conf(file);
    std::move(settings.begin(), settings.end(), std::back_inserter(out));
  }
  if (isolated) return out;
  for (const auto& [name, value] : variables)
    if (name.size() > kPrefix.size() && name.substr(0, kPrefix.size()) == kPrefix && !trim(value).empty())
      out.push_back({"", pip_key(std::string_view(name).substr(kPrefix.size())), value, name});
  return out;
}

std::string expand_home(const std::string& path, const fs::path& home) {
  if (path != "~" && path.substr(0, 2) != "~/") return path;
  return home.native() + path.substr(1);
}

}  // namespace moat
