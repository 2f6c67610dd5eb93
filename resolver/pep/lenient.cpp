#include "resolver/pep/lenient.h"

#include "resolver/base/text.h"

#include <algorithm>

namespace moat {
namespace {

bool is_version_char(char c) {
  return is_ascii_alnum(c) || c == '.' || c == '-' || c == '_' || c == '*' || c == '+';
}

bool is_operator_char(char c) { return c == '=' || c == '<' || c == '>' || c == '~' || c == '!'; }

bool is_release(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_ascii_digit(c) || c == '.'; });
}

// Reads clause by clause and writes each as it was meant.
class Mender {
 public:
  explicit Mender(std::string_view text) : text_(text) {}

  Mended mend() {
    drop_quotes();
    while (at_ < text_.size()) {
      if (is_operator_char(text_[at_]))
        mend_clause();
      else
        copy();
    }
    return {std::move(out_), std::move(what_)};
  }

 private:
  void note(std::string_view what) {
    if (what_.find(what) != std::string::npos) return;
    if (!what_.empty()) what_ += "; ";
    what_ += what;
  }

  void copy() {
    if (!is_ascii_space(text_[at_])) behind_clause_ = false;
    out_ += text_[at_++];
  }

  void drop_quotes() {
    const auto is_quote = [](char c) { return c == '\'' || c == '"'; };
    if (std::none_of(text_.begin(), text_.end(), is_quote)) return;
    std::erase_if(text_, is_quote);
    note("stray quotes were dropped");
  }

  // "> =" is ">=".
  std::string read_operator() {
    std::string op;
    std::size_t end = at_;
    for (std::size_t i = at_; i < text_.size() && (is_operator_char(text_[i]) || text_[i] == ' '); ++i) {
      if (text_[i] == ' ') continue;
      if (i != end) note("an operator was split by a blank");
      op += text_[i];
      end = i + 1;
    }
    at_ = end;
    return op;
  }

  std::string read_version() {
    while (at_ < text_.size() && is_ascii_space(text_[at_])) ++at_;
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_version_char(text_[at_]) || is_epoch_mark(at_))) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  bool is_epoch_mark(std::size_t at) const {
    return text_[at] == '!' && at + 1 < text_.size() && is_ascii_digit(text_[at + 1]);
  }

  void mend_clause() {
    if (behind_clause_) {
      note("a comma was missing");
      out_ += ',';
    }
    std::string op = read_operator();
    std::string version = read_version();
    mend_version(op, version);
    out_ += op + version;
    behind_clause_ = true;
  }

  void mend_version(std::string& op, std::string& version) {
    if (op == "!=~") {
      note("`!=~` was read as `!=` with `.*`");
      op = "!=";
      if (!version.ends_with(".*")) version += ".*";
    }
    if (op == ">" && version == "dev") {
      note("`>dev` was read as `>0.0.0.dev0`");
      version = "0.0.0.dev0";
    }
    mend_star(op, version);
    mend_trailing_zero(version);
  }

  void mend_star(const std::string& op, std::string& version) {
    if (!version.ends_with('*')) return;
    const bool equality = op == "==" || op == "!=";
    if (!version.ends_with(".*") && is_release(version.substr(0, version.size() - 1))) {
      note("a dot was missing before `*`");
      version.insert(version.size() - 1, ".");
    }
    if (!version.ends_with(".*")) return;
    const std::string rest = version.substr(0, version.size() - 2);
    if ((op == ">=" || op == "<=" || op == ">" || op == "<") || (equality && !is_release(rest))) {
      note("`.*` was dropped where it has no meaning");
      version = rest;
    }
  }

  // 9.0.0a1.0
  void mend_trailing_zero(std::string& version) {
    if (!version.ends_with(".0") || Version::parse(version)) return;
    const std::string rest = version.substr(0, version.size() - 2);
    if (!Version::parse(rest)) return;
    note("`.0` was dropped after a pre-, post- or dev-release");
    version = rest;
  }

  std::string text_;
  std::size_t at_ = 0;
  bool behind_clause_ = false;
  std::string out_;
  std::string what_;
};

}  // namespace

Mended mend_specifiers(std::string_view text) { return Mender(text).mend(); }

Expected<LenientSpecifiers> parse_specifiers_lenient(std::string_view text) {
  auto strict = SpecifierSet::parse(text);
  if (strict) return LenientSpecifiers{std::move(*strict), std::nullopt};
  const Mended mended = mend_specifiers(text);
  if (mended.what.empty()) return tl::unexpected(std::move(strict.error()));
  auto specifier = SpecifierSet::parse(mended.text);
  if (!specifier) return tl::unexpected(std::move(strict.error()));
  return LenientSpecifiers{std::move(*specifier), mended.what};
}

}  // namespace moat
