#include "resolver/files/pip_conf.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace moat {
namespace {

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

std::string pip_key(std::string_view name) {
  std::string out = ascii_lower(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out.substr(0, 2) == "--" ? out.substr(2) : out;
}

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
        {section, pip_key(trim(line.substr(0, sign))), std::string(trim(line.substr(sign + 1))), number});
    in_value = true;
  }
  return settings_of(std::move(lines), path);
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

}  // namespace moat
