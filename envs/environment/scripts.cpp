// Both a shell and Python read a wrapper. The shell sees the command `:` (an empty string, then ':'), and
// execs Python on the same file; Python sees one long string.
//
// That string replaces the module's docstring, and nothing may stand between a docstring and `from __future__
// import`. For our own wrappers this does not matter. A script that begins with a string of its own would
// break: it gets its shell code in the first line instead, which needs an `env` with -S (GNU coreutils 8.30,
// 2018; FreeBSD).
#include "envs/environment/scripts.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {

namespace {

constexpr std::string_view kShellLine = "#!/bin/sh\n";
constexpr std::string_view kTrampoline =
    "''':'\n"
    "me=$0\n"
    "[ -h \"$me\" ] && me=$(readlink -f -- \"$me\")\n"
    "exec \"${me%/*}/python\" \"$me\" \"$@\"\n"
    "' '''\n";
// The kernel hands on 127 bytes of a first line at least.
constexpr std::string_view kOneLine =
    "#!/usr/bin/env -S sh -c 'm=$0;[ -h \"$m\" ]&&m=$(readlink -f \"$m\");exec \"${m%/*}/python\" \"$m\" "
    "\"$@\"'\n";
static_assert(kOneLine.size() <= 127);

bool is_identifier(std::string_view text) {
  if (text.empty() || is_ascii_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alnum(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  });
}

bool is_dotted(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '.');
  return std::all_of(parts.begin(), parts.end(), is_identifier);
}

bool is_script_name(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

Expected<EntryPoint> parse_target(std::string_view name, std::string_view target, std::size_t offset) {
  if (!is_script_name(name)) return parse_error(quote(name) + " cannot be the name of a script", offset);
  std::string_view reference = trim(target);
  if (const std::size_t bracket = reference.find('['); bracket != reference.npos) {
    if (reference.back() != ']') return parse_error("the extras of " + quote(name) + " do not end", offset);
    reference = trim(reference.substr(0, bracket));
  }
  const std::size_t colon = reference.find(':');
  if (colon == reference.npos)
    return parse_error("script " + quote(name) + " names no function to call", offset);
  const std::string_view module = trim(reference.substr(0, colon)),
                         attribute = trim(reference.substr(colon + 1));
  if (!is_dotted(module) || !is_dotted(attribute))
    return parse_error(
        "script " + quote(name) + " has " + quote(reference) + " where `module:function` belongs", offset);
  return EntryPoint{std::string(name), std::string(module), std::string(attribute)};
}

// The first line of `text`, which follows the `#!` line, if it declares a coding (PEP 263); else "".
std::string_view coding_line(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::string_view stripped = trim(line);
  if (stripped.empty() || stripped.front() != '#') return {};
  const std::size_t at = stripped.find("coding");
  if (at == stripped.npos || at + 6 >= stripped.size()) return {};
  return stripped[at + 6] == ':' || stripped[at + 6] == '=' ? line : std::string_view();
}

bool begins_with_string(std::string_view text) {
  for (std::string_view line : split_lines(text)) {
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t quote_at = line.find_first_not_of("rRuUbB");
    return quote_at <= 2 && (line[quote_at] == '"' || line[quote_at] == '\'');
  }
  return false;
}

}  // namespace

Expected<std::vector<EntryPoint>> parse_script_entry_points(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  const char* const begin = text.data();
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  std::vector<EntryPoint> out;
  bool in_section = false, in_scripts = false;
  for (const std::string_view whole : split_lines(text)) {
    const auto offset = static_cast<std::size_t>(whole.data() - begin);
    const std::string_view line = trim(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']') return parse_error("a section's name does not end", offset);
      const std::string_view group = trim(line.substr(1, line.size() - 2));
      in_section = true;
      in_scripts = group == "console_scripts" || group == "gui_scripts";
      continue;
    }
    if (!in_section) return parse_error("a line stands before the first section", offset);
    if (!in_scripts) continue;
    const std::size_t equals = line.find('=');
    if (equals == line.npos) return parse_error("a line has no `=`", offset);
    Expected<EntryPoint> entry = parse_target(trim(line.substr(0, equals)), line.substr(equals + 1), offset);
    if (!entry) return tl::unexpected<ParseError>(entry.error());
    const auto twin = std::find_if(out.begin(), out.end(),
                                   [&](const EntryPoint& other) { return other.name == entry->name; });
    if (twin == out.end())
      out.push_back(*std::move(entry));
    else if (twin->module != entry->module || twin->attribute != entry->attribute)
      return parse_error("script " + quote(entry->name) + " is declared twice", offset);
  }
  return out;
}

std::string python_script(std::string_view code) {
  return std::string(kShellLine).append(kTrampoline).append(code);
}

std::string script_wrapper(const EntryPoint& entry_point) {
  const std::string_view attribute = entry_point.attribute;
  return python_script(
      fmt::format("import sys\n\nfrom {} import {}\n\nif __name__ == \"__main__\":\n    sys.exit({}())\n",
                  entry_point.module, attribute.substr(0, attribute.find('.')), attribute));
}

std::optional<std::string> rewrite_script(std::string_view contents) {
  constexpr std::string_view kPlaceholder = "#!python";
  if (contents.substr(0, kPlaceholder.size()) != kPlaceholder) return std::nullopt;
  const std::size_t end = contents.find('\n');
  const std::string_view rest = end == contents.npos ? std::string_view() : contents.substr(end + 1);
  if (begins_with_string(rest)) return std::string(kOneLine).append(rest);
  // Python looks for a coding only in the first two lines; to the shell it is a comment.
  const std::string_view coding = coding_line(rest);
  std::string out(kShellLine);
  if (!coding.empty()) out.append(trim(coding)).append("\n");
  return out.append(kTrampoline).append(rest);
}

namespace {

// A kernel accepts some 250 bytes in a first line, and no spaces in the path. Otherwise a shell starts
// Python, through a line that is a string to Python.
std::string first_line(std::string_view python) {
  constexpr std::size_t kLongest = 120;
  if (python.size() < kLongest && python.find(' ') == python.npos) return fmt::format("#!{}\n", python);
  std::string quoted;  // as it stands between double quotes
  for (const char c : python) {
    if (std::string_view("\"$`\\").find(c) != std::string_view::npos) quoted += '\\';
    quoted += c;
  }
  return fmt::format("#!/bin/sh\n'''exec' \"{}\" \"$0\" \"$@\"\n' '''\n", quoted);
}

}  // namespace

std::optional<std::string> script_at(std::string_view contents, std::string_view python) {
  const std::string first = first_line(python);
  if (contents.starts_with(kOneLine)) return first + std::string(contents.substr(kOneLine.size()));
  if (!contents.starts_with(kShellLine)) return std::nullopt;
  std::string_view rest = contents.substr(kShellLine.size());
  const std::string_view coding = coding_line(rest);
  if (!coding.empty()) rest.remove_prefix(coding.size() + 1);
  if (!rest.starts_with(kTrampoline)) return std::nullopt;
  // Where a coding was given, the code still gives it in its first line, which is now the second.
  return first + std::string(rest.substr(kTrampoline.size()));
}

bool is_entry_point_wrapper(std::string_view file_name, const std::vector<EntryPoint>& entry_points) {
  for (const std::string_view ending : {"", ".exe", "-script.py", "-script.pyw", ".pya"}) {
    if (file_name.size() <= ending.size() || file_name.substr(file_name.size() - ending.size()) != ending)
      continue;
    const std::string_view stem = file_name.substr(0, file_name.size() - ending.size());
    for (const EntryPoint& entry : entry_points)
      if (entry.name == stem) return true;
  }
  return false;
}

}  // namespace moat
