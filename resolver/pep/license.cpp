#include "resolver/pep/license.h"

#include "resolver/base/text.h"

#include <algorithm>

namespace moat {
namespace {

bool is_id_char(char c) { return is_ascii_alnum(c) || c == '.' || c == '-'; }

// Operands and operators take turns; parentheses must close.
class LicenseParser {
 public:
  explicit LicenseParser(std::string_view text) : text_(text) {}

  Expected<std::string> parse() {
    while (read_token()) {
      if (const char* reason = take()) return parse_error(reason, begin_);
    }
    if (wants_operand_) return parse_error("expected a license", text_.size());
    if (depth_ > 0) return parse_error("a `(` is not closed", text_.size());
    return std::move(out_);
  }

 private:
  bool read_token() {
    at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size());
    begin_ = at_;
    if (at_ == text_.size()) return false;
    if (text_[at_] == '(' || text_[at_] == ')')
      ++at_;
    else
      at_ = std::min(text_.find_first_of(" \t()", at_), text_.size());
    token_ = text_.substr(begin_, at_ - begin_);
    return true;
  }

  // What is wrong with the token, or nullptr.
  const char* take() {
    if (token_ == "(") {
      if (!wants_operand_ || behind_with_) return "expected AND, OR or WITH";
      ++depth_;
      write("(");
      return nullptr;
    }
    if (token_ == ")") {
      if (wants_operand_ || depth_ == 0) return "this `)` has no matching `(`";
      --depth_;
      out_ += ')';
      may_have_with_ = false;
      return nullptr;
    }
    return wants_operand_ ? take_operand() : take_operator();
  }

  const char* take_operand() {
    if (is_operator(token_)) return "expected a license";
    if (const char* reason = fault(token_)) return reason;
    write(token_);
    may_have_with_ = !behind_with_;
    behind_with_ = wants_operand_ = false;
    return nullptr;
  }

  const char* take_operator() {
    if (!is_operator(token_)) return "expected AND, OR or WITH";
    behind_with_ = iequals_ascii(token_, "with");
    if (behind_with_ && !may_have_with_) return "WITH can only follow a license";
    std::string upper(token_);
    for (char& c : upper)
      if (is_ascii_lower(c)) c = static_cast<char>(c - 32);
    write(upper);
    wants_operand_ = true;
    return nullptr;
  }

  static bool is_operator(std::string_view token) {
    return iequals_ascii(token, "and") || iequals_ascii(token, "or") || iequals_ascii(token, "with");
  }

  // "GPL-2.0+" may have its plus; an exception may not.
  const char* fault(std::string_view id) const {
    if (id.ends_with('+') && !behind_with_) id.remove_suffix(1);
    const bool is_id = !id.empty() && std::all_of(id.begin(), id.end(), is_id_char);
    if (!is_id || iequals_ascii(id, "LicenseRef-")) return "a license is letters, digits, `.` and `-`";
    return nullptr;
  }

  void write(std::string_view token) {
    if (!out_.empty() && out_.back() != '(') out_ += ' ';
    out_ += token;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::string_view token_;
  int depth_ = 0;
  bool wants_operand_ = true;
  bool behind_with_ = false;
  bool may_have_with_ = false;
  std::string out_;
};

}  // namespace

Expected<std::string> normalize_license_expression(std::string_view text) {
  return LicenseParser(text).parse();
}

}  // namespace moat
