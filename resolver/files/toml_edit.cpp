#include "resolver/files/toml_edit.h"

#include "resolver/base/text.h"
#include "resolver/files/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace moat {
namespace {

bool starts_with(const TomlPath& path, const TomlPath& beginning) {
  return path.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), path.begin());
}

TomlPath joined(TomlPath path, const TomlPath& more) {
  path.insert(path.end(), more.begin(), more.end());
  return path;
}

TomlPath parent_of(const TomlPath& path) { return {path.begin(), path.end() - 1}; }

std::string key_text(const std::string& key) {
  const bool is_bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return is_ascii_alnum(c) || c == '-' || c == '_';
  });
  return is_bare ? key : toml_quote(key);
}

std::string key_text(const TomlPath& path) {
  std::string out;
  for (const std::string& part : path) out += (out.empty() ? "" : ".") + key_text(part);
  return out;
}

// Quotes the text with these quotes if it then needs no escapes.
std::string quoted(std::string_view text, char quotes) {
  const bool is_plain = std::none_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  const auto fits = [&](char mark) {
    return is_plain && text.find(mark) == std::string_view::npos &&
           (mark == '\'' || text.find('\\') == std::string_view::npos);
  };
  const char other = quotes == '"' ? '\'' : '"';
  const char mark = fits(quotes) ? quotes : fits(other) ? other : '\0';
  return mark == '\0' ? toml_quote(text) : fmt::format("{0}{1}{0}", mark, text);
}

const TomlNode* first_string(const TomlNode& node) {
  if (node.kind == TomlNode::Kind::String) return &node;
  for (const TomlNode& item : node.items)
    if (const TomlNode* found = first_string(item)) return found;
  for (const TomlEntry& entry : node.entries)
    if (const TomlNode* found = first_string(entry.value)) return found;
  return nullptr;
}

bool is_blank(std::string_view text) { return trim(text).empty(); }

}  // namespace

Expected<TomlEdit> TomlEdit::parse(std::string text) {
  if (const auto table = parse_toml(text); !table) return tl::unexpected(table.error());
  TomlEdit out;
  out.text_ = std::move(text);
  out.sections_ = toml_layout(out.text_);
  return out;
}

// ---- what is there ----

// The first entry, among those that may lead to `path`, whose full key satisfies `wanted`.
template <class F>
TomlEdit::Found TomlEdit::find_first(const TomlPath& path, F is_wanted) const {
  Found found;
  const std::function<bool(const std::vector<TomlEntry>&, const TomlPath&, const TomlNode*)> look =
      [&](const std::vector<TomlEntry>& entries, const TomlPath& before, const TomlNode* table) {
        return std::any_of(entries.begin(), entries.end(), [&](const TomlEntry& entry) {
          const TomlPath here = joined(before, entry.key);
          if (is_wanted(here)) {
            found.entry = &entry;
            found.table = table;
            return true;
          }
          return entry.value.kind == TomlNode::Kind::InlineTable && starts_with(path, here) &&
                 look(entry.value.entries, here, &entry.value);
        });
      };
  for (const TomlSection& section : sections_) {
    if (section.is_array || !starts_with(path, section.path)) continue;
    found.section = &section;
    if (look(section.entries, section.path, nullptr)) return found;
  }
  return {};
}

TomlEdit::Found TomlEdit::find_entry(const TomlPath& path) const {
  return find_first(path, [&](const TomlPath& here) { return here == path; });
}

TomlEdit::Found TomlEdit::find_below(const TomlPath& path) const {
  return find_first(path, [&](const TomlPath& here) { return starts_with(here, path); });
}

const TomlSection* TomlEdit::find_section(const TomlPath& path) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(), [&](const TomlSection& section) {
    return !section.is_array && section.path == path;
  });
  return found == sections_.end() ? nullptr : &*found;
}

const TomlNode* TomlEdit::find(const TomlPath& path) const {
  const Found found = find_entry(path);
  return found.entry != nullptr ? &found.entry->value : nullptr;
}

bool TomlEdit::has(const TomlPath& path) const {
  if (find_entry(path).entry != nullptr) return true;
  return std::any_of(sections_.begin(), sections_.end(), [&](const TomlSection& section) {
    if (&section != &sections_.front() && starts_with(section.path, path)) return true;
    return std::any_of(section.entries.begin(), section.entries.end(), [&](const TomlEntry& entry) {
      return starts_with(joined(section.path, entry.key), path);
    });
  });
}

std::vector<std::string> TomlEdit::keys(const TomlPath& path) const {
  std::vector<std::string> out;
  const auto take = [&](const TomlPath& full) {
    if (full.size() > path.size() && starts_with(full, path) &&
        std::find(out.begin(), out.end(), full[path.size()]) == out.end())
      out.push_back(full[path.size()]);
  };
  const std::function<void(const std::vector<TomlEntry>&, const TomlPath&)> walk =
      [&](const std::vector<TomlEntry>& entries, const TomlPath& before) {
        for (const TomlEntry& entry : entries) {
          const TomlPath here = joined(before, entry.key);
          take(here);
          walk(entry.value.entries, here);
        }
      };
  for (const TomlSection& section : sections_) {
    take(section.path);
    walk(section.entries, section.path);
  }
  return out;
}

// ---- lines ----

void TomlEdit::edit(std::size_t begin, std::size_t end, std::string_view replacement) {
  text_.replace(begin, end - begin, replacement);
  sections_ = toml_layout(text_);
}

std::size_t TomlEdit::line_begin(std::size_t at) const {
  const std::size_t before = at == 0 ? std::string::npos : text_.rfind('\n', at - 1);
  return before == std::string::npos ? 0 : before + 1;
}

std::size_t TomlEdit::line_end(std::size_t at) const {
  const std::size_t end = text_.find('\n', at);
  return end == std::string::npos ? text_.size() : end + 1;
}

// That of the line, else of the one before, else of the first.
std::string TomlEdit::line_end_text(std::size_t at) const {
  std::size_t end = text_.find('\n', at);
  if (end == std::string::npos) end = text_.rfind('\n');
  return end != std::string::npos && end > 0 && text_[end - 1] == '\r' ? "\r\n" : "\n";
}

std::string TomlEdit::indent_at(std::size_t at) const {
  const std::size_t begin = line_begin(at);
  std::size_t end = begin;
  while (end < text_.size() && (text_[end] == ' ' || text_[end] == '\t')) ++end;
  return text_.substr(begin, end - begin);
}

bool TomlEdit::begins_line(std::size_t at) const {
  const std::size_t begin = line_begin(at);
  return is_blank(std::string_view(text_).substr(begin, at - begin));
}

// How far the arrays of the file indent their items.
std::string TomlEdit::item_indent() const {
  for (const TomlSection& section : sections_)
    for (const TomlEntry& entry : section.entries)
      if (entry.value.kind == TomlNode::Kind::Array && !entry.value.items.empty() &&
          begins_line(entry.value.items.front().span.begin)) {
        const std::string outer = indent_at(entry.begin);
        const std::string inner = indent_at(entry.value.items.front().span.begin);
        if (inner.size() > outer.size() && inner.starts_with(outer)) return inner.substr(outer.size());
      }
  return "    ";
}

// ---- arrays ----

// The offset after the item, and after its comma if that stands on the same line.
std::size_t TomlEdit::behind_comma(const TomlNode& array, std::size_t index) const {
  const std::size_t end = array.items[index].span.end;
  const std::optional<std::size_t> comma = array.commas[index];
  return comma && *comma < line_end(end) ? *comma + 1 : end;
}

bool TomlEdit::has_own_line(const TomlNode& array, std::size_t index) const {
  if (!begins_line(array.items[index].span.begin)) return false;
  const std::size_t behind = behind_comma(array, index);
  if (array.commas[index] && *array.commas[index] >= behind) return false;
  const std::string_view rest = trim(std::string_view(text_).substr(behind, line_end(behind) - behind));
  return rest.empty() || rest.front() == '#';
}

char TomlEdit::quotes_of(const TomlNode* array) const {
  const TomlNode* first = array != nullptr ? first_string(*array) : nullptr;
  for (const TomlSection& section : sections_)
    for (const TomlEntry& entry : section.entries)
      if (first == nullptr) first = first_string(entry.value);
  return first != nullptr ? text_[first->span.begin] : '"';
}

// The array of one item that is written where there was none, or an empty one; `at`: on the key's line.
std::string TomlEdit::first_items(std::string_view item, std::size_t at) const {
  const std::string end = line_end_text(at), indent = indent_at(at);
  return fmt::format("[{0}{1}{2}{3},{0}{1}]", end, indent, item_indent(), item);
}

// Between two that stand on one line.
std::string TomlEdit::separator(const TomlNode& array) const {
  for (std::size_t i = 1; i < array.items.size(); ++i) {
    const std::size_t comma = array.commas[i - 1].value_or(0) + 1;
    const std::string between = text_.substr(comma, array.items[i].span.begin - comma);
    if (between.find_first_not_of(" \t") == std::string::npos) return "," + between;
  }
  return ", ";
}

void TomlEdit::insert_first(const TomlNode& array, const std::string& item, bool one_line) {
  const std::size_t begin = array.span.begin, close = array.span.end - 1;
  if (is_blank(std::string_view(text_).substr(begin + 1, close - begin - 1)))
    return edit(begin, close + 1, one_line ? fmt::format("[{}]", item) : first_items(item, begin));
  // The array holds only comments, and the last one ended its line.
  const std::string indent = indent_at(begin) + item_indent();
  edit(line_begin(close), line_begin(close), fmt::format("{}{},{}", indent, item, line_end_text(begin)));
}

void TomlEdit::insert_item(const TomlPath& path, std::size_t index, std::string_view item) {
  const Found found = find_entry(path);
  const std::string text = quoted(item, quotes_of(found.entry != nullptr ? &found.entry->value : nullptr));
  if (found.entry == nullptr) return add_key(path, text);
  const TomlNode& array = found.entry->value;
  if (array.items.empty()) return insert_first(array, text, found.table != nullptr);
  if (index == 0) {
    const std::size_t next = array.items.front().span.begin;
    if (!begins_line(next)) return edit(next, next, text + separator(array));
    const std::size_t behind = line_end(array.span.begin);
    return edit(behind, behind, fmt::format("{}{},{}", indent_at(next), text, line_end_text(next)));
  }
  const std::size_t end = array.items[index - 1].span.end;
  if (!has_own_line(array, index - 1)) return edit(end, end, separator(array) + text);
  const bool has_comma = array.commas[index - 1].has_value();
  const std::string line = fmt::format("{}{}{}{}", indent_at(array.items[index - 1].span.begin), text,
                                       has_comma ? "," : "", line_end_text(end));
  const std::size_t behind = line_end(behind_comma(array, index - 1));
  edit(behind, behind, line);
  if (!has_comma) edit(end, end, ",");
}

void TomlEdit::replace_item(const TomlPath& path, std::size_t index, std::string_view item) {
  const TomlSpan span = find(path)->items[index].span;
  edit(span.begin, span.end, quoted(item, text_[span.begin]));
}

void TomlEdit::remove_item(const TomlPath& path, std::size_t index) {
  const TomlNode& array = *find(path);
  const TomlSpan span = array.items[index].span;
  const bool is_last = index + 1 == array.items.size();
  constexpr std::size_t kNone = std::string::npos;
  const std::size_t before = index > 0 ? array.commas[index - 1].value_or(kNone) : kNone;
  const std::size_t comma = array.commas[index].value_or(kNone);
  const auto holds_comment = [&](std::size_t from, std::size_t to) {
    return text_.substr(from, to - from).find('#') != std::string::npos;
  };
  if (has_own_line(array, index)) {
    const std::size_t begin = line_begin(span.begin), end = line_end(behind_comma(array, index));
    edit(begin, end, "");
    // The last one had no comma, so the one that is last now has none.
    if (is_last && comma == kNone && before != kNone) edit(before, before + 1, "");
  } else if (is_last && before != kNone && !holds_comment(before, span.begin)) {
    edit(before, span.end, "");
  } else {
    std::size_t end = comma != kNone ? comma + 1 : span.end;
    if (comma != kNone && holds_comment(span.end, comma)) {
      // The comma stands behind a comment, on a later line.
      edit(comma, comma + 1, "");
      end = span.end;
    }
    while (end < text_.size() && (text_[end] == ' ' || text_[end] == '\t')) ++end;
    edit(span.begin, end, "");
  }
  const TomlNode& left = *find(path);
  if (left.items.empty() &&
      is_blank(std::string_view(text_).substr(left.span.begin + 1, left.span.end - left.span.begin - 2)))
    edit(left.span.begin, left.span.end, "[]");
}

// ---- keys ----

// A line after `at`, which is the end of another line.
void TomlEdit::insert_line(std::size_t at, const std::string& line) {
  const std::string end = line_end_text(at);
  const std::size_t behind = line_end(at);
  const bool is_open = behind == text_.size() && (text_.empty() || text_.back() != '\n');
  edit(behind, behind, is_open && behind > 0 ? end + line : line + end);
}

void TomlEdit::add_section(const TomlPath& table, const std::string& line) {
  // After the keys it is related to, else at the end.
  const TomlSection* behind = nullptr;
  for (const TomlSection& section : sections_)
    if (!section.path.empty() && section.path.front() == table.front()) behind = &section;
  const std::size_t first = text_.empty() ? 0 : text_.size() - 1;
  const std::string end = line_end_text(0);
  const std::string section = fmt::format("[{}]{}{}", key_text(table), end, line);
  if (behind == nullptr) {
    const bool is_apart = text_.empty() || text_.ends_with("\n\n") || text_.ends_with("\n\r\n");
    return insert_line(first, is_apart ? section : end + section);
  }
  const std::size_t last =
      behind->entries.empty() ? behind->header.end : behind->entries.back().value.span.end;
  insert_line(last, end + section);
}

// `value` is an item of an array to be created or, if it begins with `=`, the value itself.
void TomlEdit::add_key(const TomlPath& path, const std::string& value) {
  const TomlPath table = parent_of(path);
  const auto value_at = [&](std::size_t at, bool one_line) {
    if (value.front() == '=') return value.substr(1);
    return one_line ? fmt::format("[{}]", value) : first_items(value, at);
  };
  // Into an inline table, or one in which the rest of the path is missing.
  TomlPath inner{path.back()};
  for (TomlPath outer = table; !outer.empty(); inner.insert(inner.begin(), outer.back()), outer.pop_back()) {
    const TomlNode* inline_table = find(outer);
    if (inline_table == nullptr) continue;
    const std::string line = fmt::format("{} = {}", key_text(inner), value_at(0, true));
    if (inline_table->entries.empty())
      return edit(inline_table->span.begin, inline_table->span.end, fmt::format("{{ {} }}", line));
    const TomlNode& last = inline_table->entries.back().value;
    const std::string_view before = std::string_view(text_).substr(0, last.span.end);
    const std::size_t end = before.find_last_not_of(" \t") + 1;
    return edit(end, end, ", " + line);
  }
  if (const TomlSection* section = find_section(table); section != nullptr && !table.empty()) {
    const bool is_empty = section->entries.empty();
    const std::size_t last = is_empty ? section->header.end : section->entries.back().value.span.end;
    const std::size_t begin = is_empty ? section->header.begin : section->entries.back().begin;
    return insert_line(
        last, fmt::format("{}{} = {}", indent_at(begin), key_text(path.back()), value_at(begin, false)));
  }
  if (table.empty()) {
    const std::vector<TomlEntry>& entries = sections_.front().entries;
    const std::string line = fmt::format("{} = {}", key_text(path.back()), value_at(0, false));
    if (!entries.empty()) return insert_line(entries.back().value.span.end, line);
    return edit(0, 0, line + line_end_text(0));
  }
  // Next to dotted keys that lead there.
  const TomlEntry* beside = nullptr;
  TomlPath rest;
  for (const TomlSection& section : sections_)
    for (const TomlEntry& entry : section.entries)
      if (!section.is_array && section.path.size() < table.size() &&
          starts_with(joined(section.path, entry.key), table) && starts_with(table, section.path)) {
        beside = &entry;
        rest = {path.begin() + static_cast<std::ptrdiff_t>(section.path.size()), path.end()};
      }
  if (beside != nullptr)
    return insert_line(beside->value.span.end, fmt::format("{}{} = {}", indent_at(beside->begin),
                                                           key_text(rest), value_at(beside->begin, false)));
  add_section(table, fmt::format("{} = {}", key_text(path.back()), value_at(text_.size(), false)));
}

void TomlEdit::set_value(const TomlPath& path, std::string_view value) {
  const TomlNode* node = find(path);
  if (node == nullptr) return add_key(path, "=" + std::string(value));
  const std::string_view old =
      std::string_view(text_).substr(node->span.begin, node->span.end - node->span.begin);
  const std::size_t end = node->span.begin + old.find_last_not_of(" \t") + 1;
  edit(node->span.begin, end, value);
}

void TomlEdit::remove_key(const TomlPath& path) {
  for (Found found = find_below(path); found.entry != nullptr; found = find_below(path)) remove_entry(found);
}

void TomlEdit::remove_entry(const Found& found) {
  if (found.table != nullptr) {
    const TomlNode& table = *found.table;
    const auto at = static_cast<std::size_t>(found.entry - table.entries.data());
    if (table.entries.size() == 1) return edit(table.span.begin, table.span.end, "{}");
    if (at + 1 < table.entries.size()) return edit(found.entry->begin, table.entries[at + 1].begin, "");
    return edit(text_.rfind(',', found.entry->begin), found.entry->value.span.end, "");
  }
  const TomlSection section = *found.section;
  const std::size_t begin = line_begin(found.entry->begin), end = line_end(found.entry->value.span.end);
  edit(begin, end, "");
  if (section.entries.size() > 1 || section.path.empty()) return;
  // A header without entries is removed too, with the blank line before it, or the one after it at the top of
  // the file.
  const auto is_blank_line = [&](std::size_t first, std::size_t last) {
    return is_blank(std::string_view(text_).substr(first, last - first));
  };
  std::size_t from = line_begin(section.header.begin), to = line_end(section.header.end);
  const std::size_t above = from == 0 ? 0 : line_begin(from - 1), below = line_end(to);
  if (from > 0 && is_blank_line(above, from))
    from = above;
  else if (from == 0 && is_blank_line(to, below))
    to = below;
  edit(from, to, "");
}

}  // namespace moat
