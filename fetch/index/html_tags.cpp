#include "fetch/index/html_tags.h"

#include "fetch/index/html_entities.h"
#include "resolver/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace moat {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool ends_name(char c) { return is_space(c) || c == '/' || c == '>'; }

// The contents of these elements are text, up to their end tag.
bool holds_text(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"script", "style",  "title",   "textarea",
                                                      "xmp",    "iframe", "noembed", "noframes"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void append_utf8(std::uint32_t code, std::string& out) {
  const auto byte = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6U), byte(0x80 | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12U), byte(0x80 | (code >> 6U & 0x3FU)), byte(0x80 | (code & 0x3FU));
  } else {
    byte(0xF0 | code >> 18U), byte(0x80 | (code >> 12U & 0x3FU));
    byte(0x80 | (code >> 6U & 0x3FU)), byte(0x80 | (code & 0x3FU));
  }
}

// References to 128 to 159 mean the Windows-1252 characters.
std::uint32_t code_point_of(std::uint32_t number) {
  constexpr std::array<std::uint16_t, 32> kWindows1252 = {
      0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  if (number >= 0x80 && number < 0xA0) return kWindows1252[number - 0x80];
  const bool is_none = number == 0 || number > 0x10FFFF || (number >= 0xD800 && number < 0xE000);
  return is_none ? 0xFFFD : number;
}

// "#38;" or "#x26;" after an ampersand: how many characters of it were used; 0 where it is not a reference.
std::size_t decode_number(std::string_view text, std::string& out) {
  const bool is_hex = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  const std::size_t first = is_hex ? 2 : 1;
  std::uint32_t number = 0;
  std::size_t at = first;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const bool is_digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!is_digit && !(is_hex && lower >= 'a' && lower <= 'f')) break;
    const auto digit = static_cast<std::uint32_t>(is_digit ? c - '0' : lower - 'a' + 10);
    number = std::min<std::uint32_t>(number * (is_hex ? 16 : 10) + digit, 0x110000);
  }
  if (at == first) return 0;
  append_utf8(code_point_of(number), out);
  return at < text.size() && text[at] == ';' ? at + 1 : at;
}

// "amp;" after an ampersand. "&copy=" begins a parameter in a URL, and is not a reference.
std::size_t decode_name(std::string_view text, std::string& out) {
  const HtmlEntity entity = longest_html_entity(text);
  const std::size_t length = entity.name.size();
  if (length == 0) return 0;
  const bool ends = entity.name.back() == ';' || length == text.size() ||
                    (text[length] != '=' && !is_ascii_alnum(text[length]));
  if (!ends) return 0;
  out += entity.text;
  return length;
}

std::string decode_value(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t at = 0; at < value.size();) {
    const char c = value[at];
    const std::string_view rest = value.substr(at + 1);
    if (c == '&') {
      const std::size_t used = rest.starts_with('#') ? decode_number(rest, out) : decode_name(rest, out);
      if (used == 0) out += c;
      at += used + 1;
    } else if (c == '\r') {
      out += '\n';
      at += rest.starts_with('\n') ? 2U : 1U;
    } else if (c == '\0') {
      out += kReplacement;
      ++at;
    } else if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
      ++at;
    } else {
      const std::size_t length = utf8_sequence(value.substr(at));
      out += length == 0 ? kReplacement : value.substr(at, length);
      at += std::max<std::size_t>(length, 1);
    }
  }
  return out;
}

}  // namespace

HtmlTags::HtmlTags(std::string_view text, std::span<const std::string_view> wanted)
    : text_(text), wanted_(wanted), values_(wanted.size()) {}

bool HtmlTags::next() {
  if (holds_text(name_)) skip_contents();
  if (name_ == "plaintext") at_ = text_.size();  // nothing ends it
  for (;;) {
    at_ = std::min(text_.find('<', at_), text_.size());
    if (at_end()) return false;
    ++at_;
    const char c = peek();
    if (is_letter(c)) return read_tag(true);
    if (c == '!') {
      ++at_;
      skip_markup();
    } else if (c == '?') {
      skip_to_after('>');
    } else if (c == '/') {
      ++at_;
      if (is_letter(peek()))
        read_tag(false);
      else
        skip_to_after('>');  // "</>" is nothing, "</ …>" a comment
    }
  }
}

std::optional<std::string_view> HtmlTags::attribute(std::string_view name) const {
  for (std::size_t i = 0; i < wanted_.size(); ++i)
    if (wanted_[i] == name) return values_[i] ? std::optional<std::string_view>(*values_[i]) : std::nullopt;
  return std::nullopt;
}

void HtmlTags::skip_spaces() {
  while (!at_end() && is_space(text_[at_])) ++at_;
}

void HtmlTags::skip_to_after(char c) {
  const std::size_t found = text_.find(c, at_);
  at_ = found == std::string_view::npos ? text_.size() : found + 1;
}

void HtmlTags::skip_markup() {
  if (!text_.substr(at_).starts_with("--"))
    return skip_to_after('>');  // a document type, or a comment after all
  at_ += 2;
  skip_comment();
}

// After "<!--". "<!-->" and "<!--->" are comments, and "--!>" ends one as "-->" does.
void HtmlTags::skip_comment() {
  if (peek() == '>' || (peek() == '-' && peek(1) == '>')) return skip_to_after('>');
  for (;; ++at_) {
    at_ = std::min(text_.find("--", at_), text_.size());
    if (at_end()) return;
    if (peek(2) == '>' || (peek(2) == '!' && peek(3) == '>')) {
      at_ += 2;
      return skip_to_after('>');
    }
  }
}

bool HtmlTags::is_end_tag_of(std::string_view name) const {
  if (peek() != '<' || peek(1) != '/') return false;
  const std::string_view rest = text_.substr(at_ + 2);
  return rest.size() > name.size() && iequals_ascii(rest.substr(0, name.size()), name) &&
         ends_name(rest[name.size()]);
}

// Up to the end tag of name_. In a script a comment may hold the tags of another one ("script data double
// escaped" in the standard's words).
void HtmlTags::skip_contents() {
  enum class In { Text, Comment, ScriptInComment } in = In::Text;
  const bool is_script = name_ == "script";
  for (;; ++at_) {
    at_ = std::min(text_.find_first_of(is_script && in != In::Text ? std::string_view("<-") : "<", at_),
                   text_.size());
    if (at_end()) return;
    const std::string_view rest = text_.substr(at_);
    if (is_end_tag_of(name_)) {
      if (in != In::ScriptInComment) return;
      in = In::Comment;
    } else if (!is_script) {
      continue;
    } else if (in == In::Text && rest.starts_with("<!--")) {
      in = In::Comment;
      at_ += 1;  // "<!-->" ends what it begins: its dashes are looked at again
    } else if (in == In::Comment && rest.size() > 7 && iequals_ascii(rest.substr(0, 7), "<script") &&
               ends_name(rest[7])) {
      in = In::ScriptInComment;
    } else if (rest.starts_with("-->")) {
      in = In::Text;
    }
  }
}

// At the name. False where the document ends within the tag, which is then none.
bool HtmlTags::read_tag(bool is_start) {
  const std::size_t begin = at_;
  while (!at_end() && !ends_name(text_[at_])) ++at_;
  if (is_start) {
    name_ = ascii_lower(text_.substr(begin, at_ - begin));
    std::fill(values_.begin(), values_.end(), std::nullopt);
  }
  for (;;) {
    while (!at_end() && (is_space(text_[at_]) || text_[at_] == '/')) ++at_;
    if (at_end()) return false;
    if (text_[at_] == '>') {
      ++at_;
      return true;
    }
    read_attribute(is_start);
  }
}

void HtmlTags::read_attribute(bool is_start) {
  const std::size_t begin = at_++;  // a first `=` belongs to the name
  while (!at_end() && !ends_name(text_[at_]) && text_[at_] != '=') ++at_;
  const std::string_view name = text_.substr(begin, at_ - begin);
  const std::size_t after_name = at_;
  skip_spaces();
  std::string_view value;
  if (peek() == '=')
    value = read_value();
  else
    at_ = after_name;
  if (is_start) keep(name, value);
}

std::string_view HtmlTags::read_value() {
  ++at_;
  skip_spaces();
  const char quote = peek();
  const bool is_quoted = quote == '"' || quote == '\'';
  const std::size_t begin = is_quoted ? ++at_ : at_;
  if (is_quoted)
    at_ = std::min(text_.find(quote, at_), text_.size());
  else
    while (!at_end() && !is_space(text_[at_]) && text_[at_] != '>') ++at_;
  const std::string_view value = text_.substr(begin, at_ - begin);
  if (is_quoted && !at_end()) ++at_;
  return value;
}

void HtmlTags::keep(std::string_view name, std::string_view value) {
  for (std::size_t i = 0; i < wanted_.size(); ++i)
    if (!values_[i] && iequals_ascii(name, wanted_[i])) values_[i] = decode_value(value);
}

}  // namespace moat
