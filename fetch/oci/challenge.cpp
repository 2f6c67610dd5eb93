#include "fetch/oci/challenge.h"

#include "resolver/base/text.h"

namespace moat {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  void skip(std::string_view characters) {
    while (!at_end() && characters.find(text_[at_]) != characters.npos) ++at_;
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view token() {
    const std::size_t begin = at_;
    while (!at_end() && std::string_view(" \t,=\"").find(text_[at_]) == std::string_view::npos) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  // A token or a quoted string.
  std::string value() {
    if (!take('"')) return std::string(token());
    std::string out;
    while (!at_end() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    take('"');
    return out;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<AuthChallenge> parse_challenges(std::string_view header) {
  std::vector<AuthChallenge> out;
  Reader reader(header);
  for (;;) {
    reader.skip(" \t,");
    if (reader.at_end()) return out;
    const std::string name = ascii_lower(reader.token());
    if (name.empty()) return out;
    reader.skip(" \t");
    if (!reader.take('=')) {
      out.push_back({name, {}});
      continue;
    }
    reader.skip(" \t");
    if (out.empty()) return out;  // a parameter of nothing
    out.back().parameters.emplace(name, reader.value());
  }
}

}  // namespace moat
