// Edits of a TOML text that touch one place: comments, quotes, order, indentation and line ends of all the
// rest stay byte for byte.
#pragma once

#include "resolver/base/error.h"
#include "resolver/files/toml_layout.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

using TomlPath = std::vector<std::string>;  // {"project", "optional-dependencies", "async"}

class TomlEdit {
 public:
  static Expected<TomlEdit> parse(std::string text);

  const std::string& text() const { return text_; }
  // nullptr: the path has no value, or is a table with a header. Valid until the next edit.
  const TomlNode* find(const TomlPath& path) const;
  // Is there anything at or below this path?
  bool has(const TomlPath& path) const;
  // The keys that stand directly below.
  std::vector<std::string> keys(const TomlPath& path) const;

  // The quotes that a new string at this path should use: those of its neighbours, else of the file.
  char quotes(const TomlPath& path) const { return quotes_of(find(path)); }

  // Inserts a string into an array, in the style of its neighbours. Creates the array if it is missing.
  // REQUIRES: what is at the path is an array; index <= size.
  void insert_item(const TomlPath& path, std::size_t index, std::string_view item);
  // REQUIRES: the item is a string. Keeps its kind of quotes if possible.
  void replace_item(const TomlPath& path, std::size_t index, std::string_view item);
  // Also removes the comment at the end of its line, if the item has a line of its own.
  void remove_item(const TomlPath& path, std::size_t index);

  // `value` is TOML. Replaces an existing value.
  void set_value(const TomlPath& path, std::string_view value);
  // Removes a key and its line, and everything that dotted keys or a section define below it; a section is
  // removed when it is empty.
  void remove_key(const TomlPath& path);

 private:
  struct Found {
    const TomlSection* section = nullptr;
    const TomlEntry* entry = nullptr;
    const TomlNode* table = nullptr;  // the inline table that `entry` stands in
  };

  void edit(std::size_t begin, std::size_t end, std::string_view replacement);
  Found find_entry(const TomlPath& path) const;
  Found find_below(const TomlPath& path) const;
  template <class F>
  Found find_first(const TomlPath& path, F is_wanted) const;
  const TomlSection* find_section(const TomlPath& path) const;
  std::size_t line_begin(std::size_t at) const;
  std::size_t line_end(std::size_t at) const;  // behind the line end
  std::string line_end_text(std::size_t at) const;
  std::string indent_at(std::size_t at) const;  // the white space that begins the line
  bool begins_line(std::size_t at) const;
  bool has_own_line(const TomlNode& array, std::size_t index) const;
  std::size_t behind_comma(const TomlNode& array, std::size_t index) const;
  std::string item_indent() const;
  char quotes_of(const TomlNode* array) const;
  std::string separator(const TomlNode& array) const;
  std::string first_items(std::string_view item, std::size_t at) const;
  void insert_first(const TomlNode& array, const std::string& item, bool one_line);
  void insert_line(std::size_t at, const std::string& line);
  void remove_entry(const Found& found);
  void add_key(const TomlPath& path, const std::string& value);
  void add_section(const TomlPath& table, const std::string& line);

  std::string text_;
  std::vector<TomlSection> sections_;
};

}  // namespace moat
