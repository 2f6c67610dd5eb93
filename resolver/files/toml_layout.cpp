// A scanner for text that is known to be valid: it only has to find where things begin and end.
#include "resolver/files/toml_layout.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <utility>

namespace moat {
namespace {

void append_utf8(std::string& out, unsigned long code) {
  const auto add = [&out](unsigned long byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | (code >> 6)), add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | (code >> 12)), add(0x80 | ((code >> 6) & 0x3f)), add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | (code >> 18)), add(0x80 | ((code >> 12) & 0x3f));
    add(0x80 | ((code >> 6) & 0x3f)), add(0x80 | (code & 0x3f));
  }
}

// The inside of a basic string.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    constexpr std::string_view kNames = "btnfre\"\\", kValues = "\b\t\n\f\r\x1b\"\\";
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      out += kValues[at];
    } else if (c == 'u' || c == 'U') {
      const std::size_t digits = c == 'u' ? 4 : 8;
      append_utf8(out, std::stoul(std::string(text.substr(i + 1, digits)), nullptr, 16));
      i += digits;
    } else {
      // A line end that is escaped goes with the white space after it.
      while (i + 1 < text.size() && is_ascii_space(text[i + 1])) ++i;
    }
  }
  return out;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {
    if (text_.substr(0, 3) == "\xef\xbb\xbf") at_ = 3;
  }

  std::vector<TomlSection> scan() {
    std::vector<TomlSection> sections(1);
    for (skip_blank(); at_ < text_.size(); skip_blank())
      if (text_[at_] == '[')
        sections.push_back(read_header());
      else
        sections.back().entries.push_back(read_entry());
    return sections;
  }

 private:
  bool is_next(char c) const { return at_ < text_.size() && text_[at_] == c; }

  void skip_spaces() {
    while (is_next(' ') || is_next('\t')) ++at_;
  }
  // White space, line ends and comments.
  void skip_blank() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (is_ascii_space(text_[at_]))
        ++at_;
      else
        return;
    }
  }

  TomlSection read_header() {
    TomlSection section;
    section.header.begin = at_++;
    section.is_array = is_next('[');
    if (section.is_array) ++at_;
    section.path = read_key();
    at_ += section.is_array ? 2 : 1;
    skip_spaces();
    if (is_next('#')) at_ = std::min(text_.find('\n', at_), text_.size());
    section.header.end = at_ > 0 && text_[at_ - 1] == '\r' ? at_ - 1 : at_;
    return section;
  }

  std::vector<std::string> read_key() {
    std::vector<std::string> parts;
    do {
      if (!parts.empty()) ++at_;  // the dot
      skip_spaces();
      if (is_next('"') || is_next('\'')) {
        parts.push_back(read_string().text);
      } else {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (is_ascii_alnum(text_[at_]) || text_[at_] == '-' || text_[at_] == '_'))
          ++at_;
        parts.emplace_back(text_.substr(begin, at_ - begin));
      }
      skip_spaces();
    } while (is_next('.'));
    return parts;
  }

  TomlEntry read_entry() {
    TomlEntry entry;
    entry.begin = at_;
    entry.key = read_key();
    ++at_;  // the equals sign
    skip_spaces();
    entry.value = read_value();
    return entry;
  }

  TomlNode read_value() {
    if (is_next('"') || is_next('\'')) return read_string();
    if (is_next('[')) return read_array();
    if (is_next('{')) return read_inline_table();
    TomlNode node;
    node.span.begin = at_;
    while (at_ < text_.size() && std::string_view(",]}#\r\n").find(text_[at_]) == std::string_view::npos)
      ++at_;
    node.span.end = at_;
    return node;
  }

  TomlNode read_string() {
    TomlNode node{.kind = TomlNode::Kind::String, .span = {at_, at_}};
    const char quote = text_[at_];
    const bool is_long = text_.substr(at_, 3) == std::string(3, quote);
    const std::size_t width = is_long ? 3 : 1;
    const std::size_t begin = at_ += width;
    while (at_ < text_.size() && text_.substr(at_, width) != std::string(width, quote))
      at_ += quote == '"' && text_[at_] == '\\' ? std::size_t{2} : std::size_t{1};
    // Up to two quotes may stand before the closing ones.
    while (is_long && at_ + width < text_.size() && text_[at_ + width] == quote) ++at_;
    std::string_view inside = text_.substr(begin, at_ - begin);
    if (is_long && inside.starts_with("\r\n"))
      inside.remove_prefix(2);
    else if (is_long && inside.starts_with('\n'))
      inside.remove_prefix(1);
    node.text = quote == '"' ? unescape(inside) : std::string(inside);
    node.span.end = at_ += width;
    return node;
  }

  TomlNode read_array() {
    TomlNode node{.kind = TomlNode::Kind::Array, .span = {at_++, 0}};
    for (skip_blank(); at_ < text_.size() && !is_next(']'); skip_blank()) {
      node.items.push_back(read_value());
      skip_blank();
      node.commas.push_back(is_next(',') ? std::optional(at_++) : std::nullopt);
    }
    node.span.end = ++at_;
    return node;
  }

  TomlNode read_inline_table() {
    TomlNode node{.kind = TomlNode::Kind::InlineTable, .span = {at_++, 0}};
    for (skip_blank(); at_ < text_.size() && !is_next('}'); skip_blank()) {
      node.entries.push_back(read_entry());
      skip_blank();
      if (is_next(',')) ++at_;
    }
    node.span.end = ++at_;
    return node;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<TomlSection> toml_layout(std::string_view text) { return Scanner(text).scan(); }

}  // namespace moat
