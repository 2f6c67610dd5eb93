#include "envs/journal/manifest_text.h"

#include "resolver/base/text.h"

#include <algorithm>

namespace moat::manifest_text {

namespace {

std::string escaped(std::string_view text, bool spaces) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == ' ' && spaces)
      out += "\\s";
    else
      out += c;
  }
  return out;
}

std::optional<char> meaning_of(char escape, bool spaces) {
  if (escape == '\\') return '\\';
  if (escape == 'n') return '\n';
  if (escape == 'r') return '\r';
  if (escape == 's' && spaces) return ' ';
  return std::nullopt;
}

std::optional<std::string> unescaped(std::string_view text, bool spaces) {
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    const std::optional<char> meaning = meaning_of(text[i], spaces);
    if (!meaning) return std::nullopt;
    out += *meaning;
  }
  return out;
}

}  // namespace

std::string escape(std::string_view path) { return escaped(path, false); }

std::string escape_word(std::string_view text) { return text.empty() ? "-" : escaped(text, true); }

std::optional<std::string> unescape(std::string_view text) { return unescaped(text, false); }

std::optional<std::string> unescape_word(std::string_view text) {
  return unescaped(without_dash(text), true);
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool stays_inside(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  return std::ranges::none_of(
      split(path, '/'), [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

std::string_view next_word(std::string_view& rest) {
  const auto space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
  return word;
}

}  // namespace moat::manifest_text
