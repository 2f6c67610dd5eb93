#include "cli/settings/pip_config.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace moat {
namespace {

constexpr std::string_view kPrefix = "PIP_";

std::string key_of(std::string_view name) {
  std::string out = ascii_lower(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out.substr(0, 2) == "--" ? out.substr(2) : out;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

// A value may continue in indented lines.
struct Line {
  std::string section, key, value;
  std::size_t number = 0;
};

std::vector<PipSetting> settings_of(std::vector<Line> lines, std::string_view path) {
  std::vector<PipSetting> out;
  for (Line& line : lines) {
    const std::string_view value = trim(line.value);
    if (!value.empty())
      out.push_back({std::move(line.section), std::move(line.key), std::string(value),
                     fmt::format("{}:{}", path, line.number)});
  }
  return out;
}

}  // namespace

Expected<std::vector<PipSetting>> parse_pip_conf(std::string_view text, std::string_view path) {
  std::vector<Line> lines;
  std::string section;
  bool in_value = false;
  std::size_t number = 0;
  const auto fail = [&](std::string_view what) {
    return parse_error(fmt::format("line {} {}", number, what));
  };
  for (const std::string_view whole : split_lines(text)) {
    ++number;
    const std::string_view line = trim(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (in_value && is_ascii_space(whole.front())) {
      lines.back().value += "\n" + std::string(line);
      continue;
    }
    in_value = false;
    if (line.front() == '[') {
      const std::size_t end = line.find(']');
      if (end == line.npos) return fail("begins a section whose name does not end");
      section = line.substr(1, end - 1);
      continue;
    }
    const std::size_t sign = line.find_first_of("=:");
    if (section.empty()) return fail("stands before the first section");
    if (sign == line.npos || sign == 0) return fail("is neither `[section]` nor `name = value`");
    lines.push_back(
        {section, key_of(trim(line.substr(0, sign))), std::string(trim(line.substr(sign + 1))), number});
    in_value = true;
  }
  return settings_of(std::move(lines), path);
}

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
      out.push_back({"", key_of(std::string_view(name).substr(kPrefix.size())), value, name});
  return out;
}

std::vector<PipSetting> pip_settings_for(std::string_view command, const std::vector<PipSetting>& all) {
  std::map<std::string, PipSetting> by_key;
  for (const std::string_view section : {std::string_view("global"), command, std::string_view()})
    for (const PipSetting& setting : all)
      if (setting.section == section) by_key.insert_or_assign(setting.key, setting);
  std::vector<PipSetting> out;
  for (auto& [key, setting] : by_key) out.push_back(std::move(setting));
  return out;
}

bool pip_flag(const PipSetting& setting) {
  const std::string value = ascii_lower(setting.value);
  for (const char* yes : {"1", "y", "yes", "t", "true", "on"})
    if (value == yes) return true;
  for (const char* no : {"0", "n", "no", "f", "false", "off"})
    if (value == no) return false;
  throw Error(ErrorKind::Usage,
              fmt::format("{}: {} is not a valid value for {}: yes or no, true or false, 1 or 0",
                          setting.where, quote(setting.value), setting.key));
}

std::vector<std::string> pip_list(const PipSetting& setting) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : setting.value + " ") {
    if (!is_ascii_space(c))
      word += c;
    else if (!word.empty())
      out.push_back(std::exchange(word, {}));
  }
  return out;
}

std::string expand_home(const std::string& path, const fs::path& home) {
  if (path != "~" && path.substr(0, 2) != "~/") return path;
  return home.native() + path.substr(1);
}

}  // namespace moat
