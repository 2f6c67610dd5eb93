// Where everything stands in a TOML text, so that an edit can change one place and keep every other byte.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Half open, in bytes of the text.
struct TomlSpan {
  std::size_t begin = 0, end = 0;
};

struct TomlEntry;

struct TomlNode {
  enum class Kind { String, Array, InlineTable, Other };
  Kind kind = Kind::Other;
  TomlSpan span;                                   // quotes and brackets included
  std::string text;                                // String: its value
  std::vector<TomlNode> items;                     // Array
  std::vector<std::optional<std::size_t>> commas;  // Array: where the comma after each item stands
  std::vector<TomlEntry> entries;                  // InlineTable
};

// `key.of.parts = value`
struct TomlEntry {
  std::vector<std::string> key;
  std::size_t begin = 0;  // of the key
  TomlNode value;
};

// A header and what follows it; the first has none and holds what stands before any header.
struct TomlSection {
  std::vector<std::string> path;
  bool is_array = false;  // [[path]]
  TomlSpan header;        // its line without the line end; empty for the first
  std::vector<TomlEntry> entries;
};

// REQUIRES: parse_toml() accepts the text.
std::vector<TomlSection> toml_layout(std::string_view text);

}  // namespace moat
