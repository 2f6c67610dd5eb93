#include "resolver/pep/record.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <charconv>

namespace moat {
namespace {

// One row at a time, as Python's csv.reader takes it: quotes doubled inside quotes, quoted line ends kept,
// text behind a closing quote taken as it is, a quote in the middle of a plain field nothing special.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}

  bool is_done() const { return at_ == text_.size(); }
  std::size_t offset() const { return at_; }

  // Empty for an empty line. REQUIRES: !is_done().
  std::vector<std::string> next_row() {
    std::vector<std::string> row;
    if (!is_line_end()) {
      row.push_back(read_field());
      while (!is_done() && text_[at_] == ',') {
        ++at_;
        row.push_back(read_field());
      }
    }
    if (!is_done() && text_[at_] == '\r') ++at_;
    if (!is_done() && text_[at_] == '\n') ++at_;
    return row;
  }

 private:
  bool is_line_end() const { return is_done() || text_[at_] == '\r' || text_[at_] == '\n'; }

  std::string read_field() {
    std::string field;
    if (!is_done() && text_[at_] == '"') read_quoted(field);
    while (!is_line_end() && text_[at_] != ',') field += text_[at_++];
    return field;
  }

  void read_quoted(std::string& field) {
    for (++at_; !is_done(); ++at_) {
      if (text_[at_] == '"' && (++at_ == text_.size() || text_[at_] != '"')) return;
      field += text_[at_];
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Expected<RecordEntry> read_entry(const std::vector<std::string>& row, std::size_t offset) {
  if (row.front().empty()) return parse_error("a row has no path", offset);
  if (row.size() > 3) return parse_error("a row has more than path, hash and size", offset);
  RecordEntry entry;
  entry.path = row[0];
  if (row.size() > 1 && !row[1].empty()) {
    const std::size_t equals = row[1].find('=');
    if (equals == std::string::npos || equals == 0)
      return parse_error("the hash of " + quote(entry.path) + " is not algorithm=value", offset);
    entry.algorithm = ascii_lower(std::string_view(row[1]).substr(0, equals));
    entry.hash = row[1].substr(equals + 1);
  }
  if (row.size() > 2) {
    const std::string_view text = trim(row[2]);
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (!text.empty() && (error != std::errc() || end != text.data() + text.size()))
      return parse_error("the size of " + quote(entry.path) + " is not a number", offset);
    if (!text.empty()) entry.size = size;
  }
  return entry;
}

void write_field(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

Expected<std::vector<RecordEntry>> parse_record(std::string_view text) {
  std::vector<RecordEntry> entries;
  CsvReader reader(text);
  while (!reader.is_done()) {
    const std::size_t offset = reader.offset();
    const std::vector<std::string> row = reader.next_row();
    if (row.empty()) continue;
    auto entry = read_entry(row, offset);
    if (!entry) return tl::unexpected(std::move(entry.error()));
    entries.push_back(std::move(*entry));
  }
  return entries;
}

std::string format_record(std::vector<RecordEntry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const RecordEntry& a, const RecordEntry& b) { return a.path < b.path; });
  std::string out;
  for (const RecordEntry& entry : entries) {
    write_field(out, entry.path);
    out += ',';
    if (!entry.algorithm.empty()) write_field(out, entry.algorithm + "=" + entry.hash);
    out += ',';
    if (entry.size) out += std::to_string(*entry.size);
    out += '\n';
  }
  return out;
}

}  // namespace moat
