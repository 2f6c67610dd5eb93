#include "resolver/files/requirements_text.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace moat {
namespace {

// ---- bytes to text

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t value) {
    out += static_cast<char>(static_cast<unsigned char>(value));
  };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U)), byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U)), byte(0x80U | ((code >> 6U) & 0x3FU)), byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U)), byte(0x80U | ((code >> 12U) & 0x3FU)), byte(0x80U | ((code >> 6U) & 0x3FU)),
        byte(0x80U | (code & 0x3FU));
  }
}

enum class ByteOrder { Little, Big };

std::uint32_t unit_at(std::string_view bytes, std::size_t at, std::size_t width, ByteOrder order) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t k = order == ByteOrder::Big ? at + i : at + width - 1 - i;
    value = (value << 8U) | static_cast<unsigned char>(bytes[k]);
  }
  return value;
}

Expected<std::string> from_wide(std::string_view bytes, std::size_t width, ByteOrder order) {
  std::string out;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    std::uint32_t code = unit_at(bytes, at, width, order);
    if (width == 2 && code >= 0xD800 && code < 0xDC00 && at + 4 <= bytes.size()) {
      const std::uint32_t low = unit_at(bytes, at + 2, 2, order);
      if (low < 0xDC00 || low > 0xDFFF) return parse_error("a lone surrogate in UTF-16", at);
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
      at += 2;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return parse_error("not a character", at);
    append_utf8(out, code);
  }
  if (bytes.size() % width != 0) return parse_error("the last character is cut off", bytes.size());
  return out;
}

bool is_encoding_character(char c) { return is_ascii_alnum(c) || c == '-' || c == '_' || c == '.'; }

// The name in `coding: latin-1` or `coding=latin-1`, anywhere in the line; "" without one.
std::string encoding_named_in(std::string_view line) {
  constexpr std::string_view kWord = "coding";
  for (std::size_t at = line.find(kWord); at != std::string_view::npos; at = line.find(kWord, at + 1)) {
    std::string_view rest = line.substr(at + kWord.size());
    if (rest.empty() || (rest.front() != ':' && rest.front() != '=')) continue;
    rest.remove_prefix(1);
    while (!rest.empty() && is_ascii_space(rest.front())) rest.remove_prefix(1);
    const auto* const end = std::find_if_not(rest.begin(), rest.end(), is_encoding_character);
    if (end != rest.begin()) return ascii_lower(std::string(rest.begin(), end));
  }
  return "";
}

std::string declared_encoding(std::string_view bytes) {
  for (int line = 0; line < 2; ++line) {
    const std::size_t end = bytes.find('\n');
    const std::string_view text = bytes.substr(0, end);
    if (text.substr(0, 1) == "#")
      if (std::string name = encoding_named_in(text); !name.empty()) return name;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  return "";
}

enum class Encoding { Utf8, Ascii, Latin1, Latin9, Windows1252 };

// Python's names for them, with any of `-`, `_`, `.` between the parts.
std::optional<Encoding> encoding_of(const std::string& name) {
  std::string key;
  std::copy_if(name.begin(), name.end(), std::back_inserter(key), is_ascii_alnum);
  constexpr std::array<std::pair<std::string_view, Encoding>, 22> kNames = {
      {{"", Encoding::Utf8},
       {"utf8", Encoding::Utf8},
       {"utf", Encoding::Utf8},
       {"u8", Encoding::Utf8},
       {"cp65001", Encoding::Utf8},
       {"utf8sig", Encoding::Utf8},
       {"ascii", Encoding::Ascii},
       {"usascii", Encoding::Ascii},
       {"646", Encoding::Ascii},
       {"latin1", Encoding::Latin1},
       {"latin", Encoding::Latin1},
       {"l1", Encoding::Latin1},
       {"iso88591", Encoding::Latin1},
       {"iso885911987", Encoding::Latin1},
       {"8859", Encoding::Latin1},
       {"cp819", Encoding::Latin1},
       {"latin9", Encoding::Latin9},
       {"l9", Encoding::Latin9},
       {"iso885915", Encoding::Latin9},
       {"cp1252", Encoding::Windows1252},
       {"windows1252", Encoding::Windows1252},
       {"1252", Encoding::Windows1252}}};
  for (const auto& [known, encoding] : kNames)
    if (key == known) return encoding;
  return std::nullopt;
}

// 0x80 to 0x9F of Windows-1252; 0: no character.
constexpr std::array<std::uint16_t, 32> kWindows1252 = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

// nullopt: no such character.
std::optional<std::uint32_t> character_of(unsigned char byte, Encoding encoding) {
  if (byte < 0x80) return byte;
  switch (encoding) {
    case Encoding::Utf8:
    case Encoding::Ascii:
      return std::nullopt;
    case Encoding::Latin1:
      return byte;
    case Encoding::Latin9: {
      constexpr std::array<std::pair<unsigned char, std::uint32_t>, 8> kOther = {{{0xA4, 0x20AC},
                                                                                  {0xA6, 0x0160},
                                                                                  {0xA8, 0x0161},
                                                                                  {0xB4, 0x017D},
                                                                                  {0xB8, 0x017E},
                                                                                  {0xBC, 0x0152},
                                                                                  {0xBD, 0x0153},
                                                                                  {0xBE, 0x0178}}};
      for (const auto& [code, character] : kOther)
        if (code == byte) return character;
      return byte;
    }
    case Encoding::Windows1252: {
      if (byte >= 0xA0) return byte;
      const std::uint16_t code = kWindows1252[static_cast<std::size_t>(byte - 0x80)];
      return code == 0 ? std::nullopt : std::optional<std::uint32_t>(code);
    }
  }
  return std::nullopt;
}

tl::unexpected<ParseError> not_decoded(std::string_view bytes, std::size_t at, std::string_view encoding) {
  const auto line = 1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  return parse_error(
      fmt::format("line {} is not {} (the byte 0x{:02X}); save the file as UTF-8, or let its first line say "
                  "`# -*- coding: latin-1 -*-`",
                  line, encoding, static_cast<unsigned>(static_cast<unsigned char>(bytes[at]))),
      at);
}

Expected<std::string> from_bytes(std::string_view bytes, Encoding encoding, const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const auto code = character_of(static_cast<unsigned char>(bytes[at]), encoding);
    if (!code) return not_decoded(bytes, at, name);
    append_utf8(out, *code);
  }
  return out;
}

Expected<std::string> from_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = utf8_sequence(bytes.substr(at));
    if (length == 0) return not_decoded(bytes, at, "UTF-8");
    at += length;
  }
  return std::string(bytes);
}

// ---- text to logical lines

// The length of the blank at the beginning of `text`, as Python's str.isspace() knows blanks; 0: none.
std::size_t blank_at(std::string_view text) {
  if (text.empty()) return 0;
  const char c = text.front();
  if (is_ascii_space(c) || (c >= '\x1c' && c <= '\x1f')) return 1;
  constexpr std::array<std::string_view, 10> kOther = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80",
                                                       "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
                                                       "\xE2\x81\x9F", "\xE3\x80\x80"};
  if (static_cast<unsigned char>(c) < 0x80) return 0;
  if (text.size() >= 3 && text.substr(0, 2) == "\xE2\x80" && static_cast<unsigned char>(text[2]) >= 0x80 &&
      static_cast<unsigned char>(text[2]) <= 0x8A)
    return 3;
  for (const std::string_view blank : kOther)
    if (!blank.empty() && text.substr(0, blank.size()) == blank) return blank.size();
  return 0;
}

std::string_view without_blanks(std::string_view text) {
  while (const std::size_t length = blank_at(text)) text.remove_prefix(length);
  std::size_t end = 0;  // behind the last character that is not a blank
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t blank = blank_at(text.substr(at));
    at += blank == 0 ? 1 : blank;
    if (blank == 0) end = at;
  }
  return text.substr(0, end);
}

// The length of the line end at the beginning of `text`, as Python's str.splitlines() knows them; 0: none.
std::size_t line_end_at(std::string_view text) {
  const char c = text.front();
  if (c == '\r') return text.substr(0, 2) == "\r\n" ? 2 : 1;
  if (c == '\n' || c == '\v' || c == '\f' || (c >= '\x1c' && c <= '\x1e')) return 1;
  if (text.substr(0, 2) == "\xC2\x85") return 2;
  return text.substr(0, 3) == "\xE2\x80\xA8" || text.substr(0, 3) == "\xE2\x80\xA9" ? 3 : 0;
}

std::vector<std::string_view> physical_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = line_end_at(text.substr(at));
    if (length == 0) {
      ++at;
      continue;
    }
    lines.push_back(text.substr(begin, at - begin));
    begin = at += length;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

bool is_comment_line(std::string_view line) {
  while (const std::size_t length = blank_at(line)) line.remove_prefix(length);
  return line.substr(0, 1) == "#";
}

// Without the first `#` that begins the line or follows a blank, the blanks before it, and all behind.
std::string_view without_comment(std::string_view line) {
  std::size_t blanks = 0;  // where the blanks before `at` begin
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t blank = blank_at(line.substr(at));
    if (line[at] == '#' && (at == 0 || blanks < at)) return line.substr(0, blanks);
    at += blank == 0 ? 1 : blank;
    if (blank == 0) blanks = at;
  }
  return line;
}

// Backslashes glue; a comment line ends the gluing, and stays a comment.
std::vector<LogicalLine> glued_lines(std::string_view text) {
  std::vector<LogicalLine> out;
  std::optional<LogicalLine> open;
  std::size_t number = 0;
  for (const std::string_view line : physical_lines(text)) {
    ++number;
    const bool comment = is_comment_line(line);
    if (!comment && !line.empty() && line.back() == '\\') {
      if (!open) open = LogicalLine{number, ""};
      // pip strips backslashes from both ends of the line.
      const std::size_t first = line.find_first_not_of('\\');
      const std::size_t last = line.find_last_not_of('\\');
      if (first != std::string_view::npos) open->text += line.substr(first, last - first + 1);
      continue;
    }
    const std::string piece = (comment ? " " : "") + std::string(line);
    if (open) {
      open->text += piece;
      out.push_back(std::move(*open));
      open.reset();
    } else {
      out.push_back({number, piece});
    }
  }
  if (open) out.push_back(std::move(*open));
  return out;
}

bool is_variable_character(char c) { return is_ascii_upper(c) || is_ascii_digit(c) || c == '_'; }

}  // namespace

Expected<std::string> decode_requirements(std::string_view bytes) {
  const auto begins = [&](std::string_view mark) { return bytes.substr(0, mark.size()) == mark; };
  using namespace std::string_view_literals;
  if (begins("\xEF\xBB\xBF"sv)) return from_utf8(bytes.substr(3));
  if (begins("\xFF\xFE\0\0"sv)) return from_wide(bytes.substr(4), 4, ByteOrder::Little);
  if (begins("\0\0\xFE\xFF"sv)) return from_wide(bytes.substr(4), 4, ByteOrder::Big);
  if (begins("\xFF\xFE"sv)) return from_wide(bytes.substr(2), 2, ByteOrder::Little);
  if (begins("\xFE\xFF"sv)) return from_wide(bytes.substr(2), 2, ByteOrder::Big);

  const std::string name = declared_encoding(bytes);
  const std::optional<Encoding> encoding = encoding_of(name);
  if (!encoding)
    return parse_error("it declares the encoding " + quote(name) +
                       ", which is not supported; save it as UTF-8");
  return *encoding == Encoding::Utf8 ? from_utf8(bytes) : from_bytes(bytes, *encoding, name);
}

std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> out;
  for (const LogicalLine& line : glued_lines(text))
    if (const std::string_view kept = without_blanks(without_comment(line.text)); !kept.empty())
      out.push_back({line.number, std::string(kept)});
  return out;
}

std::string expand_variables(std::string text,
                             const std::function<std::optional<std::string>(const std::string&)>& variable) {
  std::vector<std::string> names;  // in the order found
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
    std::size_t end = at + 2;
    while (end < text.size() && is_variable_character(text[end])) ++end;
    if (end > at + 2 && end < text.size() && text[end] == '}')
      names.push_back(text.substr(at + 2, end - at - 2));
  }
  for (const std::string& name : names) {
    const std::optional<std::string> value = variable ? variable(name) : std::nullopt;
    if (!value || value->empty()) continue;
    const std::string written = "${" + name + "}";
    for (std::size_t at = text.find(written); at != std::string::npos;
         at = text.find(written, at + value->size()))
      text.replace(at, written.size(), *value);
  }
  return text;
}

}  // namespace moat
