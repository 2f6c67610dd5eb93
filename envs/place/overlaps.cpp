#include "envs/place/overlaps.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moat {

namespace {

// A line without its comment and spaces; a `#` in a string ends it too early, so it will not be recognised.
std::string_view code_of(std::string_view line) { return trim(line.substr(0, line.find('#'))); }

// The lines of the usual declarations, by their beginning or by what they call.
bool is_part_of_a_declaration(std::string_view code) {
  static constexpr std::array<std::string_view, 5> kBeginnings = {
      "import pkg_resources", "import pkgutil", "from pkgutil import extend_path", "from __future__ import ",
      "from typing import "};
  if (code == "try:" || code == "pass" || (code.starts_with("except") && code.ends_with(':'))) return true;
  if (code.find(';') != code.npos) return false;
  return code.find("declare_namespace(__name__)") != code.npos ||
         code.find("extend_path(__path__, __name__)") != code.npos ||
         std::ranges::any_of(kBeginnings, [&](std::string_view begin) { return code.starts_with(begin); });
}

bool is_whole_docstring(std::string_view code) {
  for (const std::string_view quotes : {"\"\"\"", "'''"})
    if (code.size() >= 6 && code.starts_with(quotes) && code.ends_with(quotes)) return true;
  return false;
}

}  // namespace

bool declares_only_a_namespace(std::string_view source) {
  constexpr std::size_t kLongest = 16384;
  if (source.size() > kLongest) return false;
  std::string_view open_quotes;
  for (const std::string_view line : split_lines(source)) {
    if (!open_quotes.empty()) {
      if (trim(line).ends_with(open_quotes)) open_quotes = {};
      continue;
    }
    const std::string_view code = code_of(line);
    if (code.empty() || is_part_of_a_declaration(code) || is_whole_docstring(code)) continue;
    if (!code.starts_with("\"\"\"") && !code.starts_with("'''")) return false;
    open_quotes = code.substr(0, 3);
    if (code.find(open_quotes, 3) != code.npos) return false;  // it ends, and something follows
  }
  return open_quotes.empty();
}

Error different_contents(const std::string& a, const std::string& b, const std::string& path) {
  return {
      ErrorKind::Refused,
      fmt::format("cannot install {} beside {}: both contain {}, with different contents", a, b, quote(path)),
      {"install only one of them, or leave out --strict-files"}};
}

std::vector<std::string> OverlapReport::sentences() const {
  std::vector<std::string> out;
  for (const auto& [pair, paths] : paths_) {
    const auto& [winner, loser] = pair;
    const std::string more = paths.size() == 1 ? ""
                                               : fmt::format(" and {} more file{}", paths.size() - 1,
                                                             paths.size() == 2 ? "" : "s");
    out.push_back(fmt::format("{} and {} both contain {}{}, with different contents; those of {} are used",
                              winner, loser, quote(*paths.begin()), more, winner));
  }
  return out;
}

}  // namespace moat
