#include "resolver/pep/requirement.h"

#include "resolver/base/text.h"
#include "resolver/pep/lenient.h"

#include <algorithm>

namespace moat {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_name_char(char c) { return is_ascii_alnum(c) || c == '.' || c == '-' || c == '_'; }
bool is_version_char(char c) { return is_name_char(c) || c == '*' || c == '+' || c == '!'; }
bool is_operator_char(char c) { return c == '=' || c == '<' || c == '>' || c == '~' || c == '!'; }

class RequirementParser {
 public:
  explicit RequirementParser(std::string_view text) : text_(text) {}

  Expected<Requirement> parse() {
    skip_blanks();
    auto name = PackageName::parse(read_while(is_name_char));
    if (!name) return parse_error("a requirement begins with the name of a package", begin_);
    Requirement out{std::move(*name), {}, {}, {}, {}};
    skip_blanks();
    auto error = parse_extras(out);
    if (error) return tl::unexpected(std::move(*error));
    skip_blanks();
    error = peek() == '@' ? parse_url(out) : parse_specifier(out);
    if (error) return tl::unexpected(std::move(*error));
    skip_blanks();
    error = parse_marker(out);
    if (error) return tl::unexpected(std::move(*error));
    return out;
  }

  // Returns where the version clauses begin, after name and extras; nullopt without a name or with a URL.
  std::optional<std::size_t> find_specifier() {
    skip_blanks();
    if (read_while(is_name_char).empty()) return std::nullopt;
    skip_blanks();
    if (peek() == '[') at_ = std::min(text_.find(']', at_), text_.size() - 1) + 1;
    skip_blanks();
    if (peek() == '@') return std::nullopt;
    return at_;
  }

 private:
  using Failure = std::optional<ParseError>;

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    while (is_blank(peek())) ++at_;
  }

  template <class Predicate>
  std::string_view read_while(Predicate predicate) {
    begin_ = at_;
    while (at_ < text_.size() && predicate(text_[at_])) ++at_;
    return text_.substr(begin_, at_ - begin_);
  }

  Failure parse_extras(Requirement& out) {
    if (peek() != '[') return std::nullopt;
    ++at_;
    skip_blanks();
    if (peek() == ']') {
      ++at_;
      return std::nullopt;
    }
    while (true) {
      auto extra = ExtraName::parse(read_while(is_name_char));
      if (!extra) return ParseError{"expected the name of an extra", begin_};
      out.extras.insert(std::move(*extra));
      skip_blanks();
      if (peek() != ',' && peek() != ']') return ParseError{"expected `,` or `]` after an extra", at_};
      if (text_[at_++] == ']') return std::nullopt;
      skip_blanks();
    }
  }

  // A URL ends at a blank: a marker behind it needs one before its `;`.
  Failure parse_url(Requirement& out) {
    ++at_;
    skip_blanks();
    const std::string_view url =
        read_while([](char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; });
    if (url.empty()) return ParseError{"there is no URL after `@`", at_};
    if (at_ < text_.size() && !is_blank(peek())) return ParseError{"a URL holds no control characters", at_};
    out.url = std::string(url);
    return std::nullopt;
  }

  Failure parse_specifier(Requirement& out) {
    const std::size_t opened = at_;
    const bool parenthesized = peek() == '(';
    if (parenthesized) ++at_;
    std::vector<Specifier> clauses;
    skip_blanks();
    while (is_operator_char(peek())) {
      auto clause = parse_clause();
      if (!clause) return std::move(clause.error());
      clauses.push_back(std::move(*clause));
      skip_blanks();
      if (peek() != ',') break;
      ++at_;
      skip_blanks();
    }
    if (parenthesized && peek() != ')') return ParseError{"this `(` is not closed", opened};
    if (parenthesized) ++at_;
    out.specifier = SpecifierSet(std::move(clauses));
    return std::nullopt;
  }

  Expected<Specifier> parse_clause() {
    const std::size_t begin = at_;
    const bool arbitrary = text_.substr(at_).starts_with("===");  // anything may follow, also a `=`
    if (arbitrary)
      at_ += 3;
    else
      read_while(is_operator_char);
    skip_blanks();
    if (arbitrary)
      read_while([](char c) { return !is_ascii_space(c) && c != ';' && c != ')' && c != ','; });
    else
      read_while(is_version_char);
    auto clause = Specifier::parse(text_.substr(begin, at_ - begin));
    if (!clause) return parse_error(std::move(clause.error().message), begin + clause.error().offset);
    return clause;
  }

  Failure parse_marker(Requirement& out) {
    if (at_ == text_.size()) return std::nullopt;
    if (peek() != ';') {
      const char* expected =
          out.url ? "expected ` ;` and a marker, or the end" : "expected `,`, `;` or the end";
      return ParseError{expected, at_};
    }
    ++at_;
    auto marker = Marker::parse(text_.substr(at_));
    if (!marker) return ParseError{std::move(marker.error().message), at_ + marker.error().offset};
    out.marker = std::move(*marker);
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;  // of what read_while read last
};

}  // namespace

Expected<Requirement> Requirement::parse(std::string_view text) { return RequirementParser(text).parse(); }

Expected<Requirement::Lenient> Requirement::parse_lenient(std::string_view text) {
  auto strict = parse(trim(text));
  if (strict) return Lenient{std::move(*strict), std::nullopt};
  text = trim(text);
  const std::optional<std::size_t> begin = RequirementParser(text).find_specifier();
  if (!begin) return tl::unexpected(std::move(strict.error()));
  const std::size_t end = std::min(text.find(';', *begin), text.size());
  const Mended mended = mend_specifiers(text.substr(*begin, end - *begin));
  if (mended.what.empty()) return tl::unexpected(std::move(strict.error()));
  auto requirement = parse(std::string(text.substr(0, *begin)) + mended.text + std::string(text.substr(end)));
  if (!requirement) return tl::unexpected(std::move(strict.error()));
  return Lenient{std::move(*requirement), mended.what};
}

std::string Requirement::to_string() const {
  std::string out = name.normalized();
  if (!extras.empty()) {
    std::vector<std::string> names;
    for (const ExtraName& extra : extras) names.push_back(extra.normalized());
    out += "[" + join(names, ",") + "]";
  }
  out += specifier.to_string();
  if (url) out += " @ " + *url;
  if (marker) out += (url ? " ; " : "; ") + marker->to_string();
  return out;
}

}  // namespace moat
