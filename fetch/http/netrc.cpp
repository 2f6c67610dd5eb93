#include "fetch/http/netrc.h"

#include "resolver/base/text.h"

#include <cstddef>
#include <optional>

namespace moat {
namespace {

struct Word {
  std::string text;
  std::size_t offset = 0;
  bool quoted = false;

  bool is(std::string_view keyword) const { return !quoted && text == keyword; }
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<Word> next() {
    while (at_ < text_.size() && is_ascii_space(text_[at_])) ++at_;
    if (at_ == text_.size()) return std::nullopt;
    Word word;
    word.offset = at_;
    word.quoted = text_[at_] == '"';
    if (word.quoted) ++at_;
    while (at_ < text_.size() && !ends_word(word.quoted)) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      word.text += text_[at_++];
    }
    if (word.quoted && at_ < text_.size()) ++at_;
    return word;
  }

  // As next(), but skips comments: only where no value is expected.
  std::optional<Word> next_keyword() {
    while (true) {
      auto word = next();
      if (!word || word->quoted || word->text.front() != '#') return word;
      at_ = word->offset;
      skip_line();
    }
  }

  // The body of a macro ends at an empty line.
  void skip_macro() {
    skip_line();
    while (at_ < text_.size() && text_[at_] != '\n' && text_.substr(at_, 2) != "\r\n") skip_line();
  }

  std::size_t offset() const { return at_; }

 private:
  bool ends_word(bool quoted) const { return quoted ? text_[at_] == '"' : is_ascii_space(text_[at_]); }
  void skip_line() {
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string* field_of(NetrcEntry& entry, std::string& ignored, const Word& key) {
  if (key.is("login") || key.is("user")) return &entry.login;
  if (key.is("password")) return &entry.password;
  return key.is("account") ? &ignored : nullptr;
}

}  // namespace

Expected<std::vector<NetrcEntry>> parse_netrc(std::string_view text) {
  Scanner scanner(text);
  std::vector<NetrcEntry> entries;
  std::string ignored;
  bool inside = false;  // of an entry
  while (const auto key = scanner.next_keyword()) {
    if (key->is("default")) {
      entries.emplace_back();
      inside = true;
      continue;
    }
    std::string* field = inside ? field_of(entries.back(), ignored, *key) : nullptr;
    if (field == nullptr && !key->is("machine") && !key->is("macdef"))
      return parse_error(quote(key->text) + " is not a keyword", key->offset);
    const auto value = scanner.next();
    if (!value) return parse_error("nothing follows " + quote(key->text), key->offset);
    if (key->is("macdef")) {
      scanner.skip_macro();
      inside = false;
    } else if (key->is("machine")) {
      if (value->text.empty()) return parse_error("a machine without a name", value->offset);
      entries.push_back({value->text, "", ""});
      inside = true;
    } else {
      *field = value->text;
    }
  }
  return entries;
}

const NetrcEntry* find_netrc_entry(const std::vector<NetrcEntry>& entries, std::string_view machine,
                                   std::string_view login) {
  const NetrcEntry* fallback = nullptr;
  for (const NetrcEntry& entry : entries) {
    if (!login.empty() && entry.login != login) continue;
    if (iequals_ascii(entry.machine, machine) && !entry.machine.empty()) return &entry;
    if (entry.machine.empty() && fallback == nullptr) fallback = &entry;
  }
  return fallback;
}

std::filesystem::path netrc_file(const Variables& variables, const std::filesystem::path& home) {
  const std::string named = variable(variables, "NETRC");
  return named.empty() ? home / ".netrc" : std::filesystem::path(named);
}

}  // namespace moat
