// The start tags of an HTML document, one after the other. A tokenizer as the standard has it (WHATWG
// HTML, 13.2.5) without the tree: what a page costs is a few bytes, however long it is and however it is
// nested. Pure.
//
// A tree would move and repeat some elements of malformed pages, and drop those inside <select>. Index pages
// have neither.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

class HtmlTags {
 public:
  // `text` is UTF-8. `wanted`: lower-case names of the attributes to keep. Both must outlive this.
  HtmlTags(std::string_view text, std::span<const std::string_view> wanted);

  // Moves to the next start tag; false at the end. Skips comments, end tags and the contents of <script>,
  // <title> and the like.
  bool next();
  // Of the tag: lower case.
  const std::string& name() const { return name_; }
  // The first attribute of this wanted name, until next(): its character references decoded, ends of lines
  // \n, and U+FFFD for what is not UTF-8.
  std::optional<std::string_view> attribute(std::string_view name) const;

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip_spaces();
  void skip_to_after(char c);
  void skip_comment();
  void skip_markup();
  void skip_contents();
  bool is_end_tag_of(std::string_view name) const;
  bool read_tag(bool is_start);
  void read_attribute(bool is_start);
  std::string_view read_value();
  void keep(std::string_view name, std::string_view value);

  std::string_view text_;
  std::span<const std::string_view> wanted_;
  std::size_t at_ = 0;
  std::string name_;
  std::vector<std::optional<std::string>> values_;  // of wanted_
};

}  // namespace moat
