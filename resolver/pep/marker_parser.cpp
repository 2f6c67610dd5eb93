#include "resolver/base/text.h"
#include "resolver/pep/marker_node.h"

#include <algorithm>
#include <array>
#include <utility>

namespace moat {
namespace {

using Node = Marker::Node;
using NodePtr = std::shared_ptr<const Node>;

struct OperatorText {
  MarkerOperator op;
  std::string_view text;
};

// In the order in which they must be tried; `in` and `not in` are words.
constexpr std::array<OperatorText, 10> kOperators = {{{MarkerOperator::Arbitrary, "==="},
                                                      {MarkerOperator::Equal, "=="},
                                                      {MarkerOperator::Compatible, "~="},
                                                      {MarkerOperator::NotEqual, "!="},
                                                      {MarkerOperator::LessEqual, "<="},
                                                      {MarkerOperator::GreaterEqual, ">="},
                                                      {MarkerOperator::Less, "<"},
                                                      {MarkerOperator::Greater, ">"},
                                                      {MarkerOperator::In, "in"},
                                                      {MarkerOperator::NotIn, "not in"}}};
constexpr std::size_t kSymbols = 8;

bool is_word(char c) { return is_ascii_alnum(c) || c == '_'; }

// Only an attacker looking for a stack overflow nests deeper than this.
constexpr int kDeepest = 200;

}  // namespace

std::string_view to_string(MarkerOperator op) {
  return std::find_if(kOperators.begin(), kOperators.end(),
                      [op](const OperatorText& o) { return o.op == op; })
      ->text;
}

// Recursive descent; `and` binds tighter than `or`.
class MarkerParser {
 public:
  MarkerParser(std::string_view text, MarkerContext context) : text_(text), context_(context) {}

  Expected<Marker> parse() {
    Expected<NodePtr> root = parse_or(0);
    if (!root) return tl::unexpected(root.error());
    if (at_ != text_.size()) return parse_error("expected `and`, `or` or the end of the marker", at_);
    return Marker(std::move(*root));
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  bool accept_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    if (at_ + word.size() < text_.size() && is_word(text_[at_ + word.size()])) return false;
    at_ += word.size();
    return true;
  }

  Expected<NodePtr> parse_or(int depth) {
    return parse_joined(Node::Kind::Or, "or", [&] { return parse_and(depth); });
  }

  Expected<NodePtr> parse_and(int depth) {
    return parse_joined(Node::Kind::And, "and", [&] { return parse_atom(depth); });
  }

  template <class ParsePart>
  Expected<NodePtr> parse_joined(Node::Kind kind, std::string_view word, ParsePart parse_part) {
    std::vector<NodePtr> parts;
    do {
      Expected<NodePtr> part = parse_part();
      if (!part) return part;
      parts.push_back(std::move(*part));
      skip_blanks();
    } while (accept_word(word));
    return joined(kind, std::move(parts));
  }

  Expected<NodePtr> parse_atom(int depth) {
    skip_blanks();
    if (peek() != '(') return parse_comparison();
    if (depth == kDeepest) return parse_error("the marker has too many parentheses", at_);
    const std::size_t opened = at_++;
    Expected<NodePtr> inner = parse_or(depth + 1);
    if (!inner) return inner;
    if (peek() != ')') return parse_error("this `(` is not closed", opened);
    ++at_;
    return inner;
  }

  Expected<NodePtr> parse_comparison() {
    const std::size_t begin = at_;
    Node node;
    MarkerComparison& comparison = node.comparison;
    if (auto error = parse_operand(comparison.left)) return tl::unexpected(std::move(*error));
    skip_blanks();
    const auto op = parse_operator();
    if (!op)
      return parse_error("expected an operator: `==`, `!=`, `<`, `<=`, `>`, `>=`, `~=`, `in` or `not in`",
                         at_);
    comparison.op = *op;
    skip_blanks();
    if (auto error = parse_operand(comparison.right)) return tl::unexpected(std::move(*error));
    if (const char* reason = finish(comparison)) return parse_error(reason, begin);
    return std::make_shared<const Node>(std::move(node));
  }

  std::optional<MarkerOperator> parse_operator() {
    for (std::size_t i = 0; i < kSymbols; ++i) {
      if (!text_.substr(at_).starts_with(kOperators[i].text)) continue;
      at_ += kOperators[i].text.size();
      return kOperators[i].op;
    }
    if (accept_word("in")) return MarkerOperator::In;
    const std::size_t begin = at_;
    if (accept_word("not") && (peek() == ' ' || peek() == '\t')) {
      skip_blanks();
      if (accept_word("in")) return MarkerOperator::NotIn;
    }
    at_ = begin;
    return std::nullopt;
  }

  std::optional<ParseError> parse_operand(MarkerOperand& operand) {
    if (peek() == '"' || peek() == '\'') return parse_literal(operand);
    const std::size_t begin = at_;
    while (is_word(peek()) || (at_ > begin && peek() == '.')) ++at_;
    if (at_ == begin) return ParseError{"expected a marker variable or a quoted text", begin};
    const std::string_view name = text_.substr(begin, at_ - begin);
    operand.field = find_marker_field(name);
    if (!operand.field) return ParseError{quote(name) + " is not a marker variable", begin};
    const bool is_set = operand.field->type == MarkerType::Set;
    if (is_set && context_ == MarkerContext::Requirement)
      return ParseError{quote(name) + " is for markers of lock files", begin};
    if (operand.field->type == MarkerType::Extra && context_ == MarkerContext::LockFile)
      return ParseError{"`extra` has no meaning in a lock file; `extras` has", begin};
    return std::nullopt;
  }

  std::optional<ParseError> parse_literal(MarkerOperand& operand) {
    const std::size_t begin = at_;
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return ParseError{"this quote is not closed", begin};
    operand.literal = std::string(text_.substr(begin + 1, end - begin - 1));
    const auto is_control = [](char c) { return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7f'; };
    if (std::any_of(operand.literal.begin(), operand.literal.end(), is_control))
      return ParseError{"a quoted text holds no line ends or other control characters", begin};
    at_ = end + 1;
    return std::nullopt;
  }

  // Checks that need both sides, and prepares the evaluation. Returns the error, or nullptr.
  const char* finish(MarkerComparison& comparison) const {
    MarkerOperand& left = comparison.left;
    MarkerOperand& right = comparison.right;
    if (!left.field && !right.field) return "a comparison needs a marker variable";
    const bool is_in = comparison.op == MarkerOperator::In || comparison.op == MarkerOperator::NotIn;
    for (MarkerOperand* side : {&left, &right}) {
      if (!side->field || side->field->value) continue;
      MarkerOperand& other = side == &left ? right : left;
      if (other.field) return "extras and groups are compared with a quoted name";
      if (side->field->type == MarkerType::Set && (side == &left || !is_in))
        return "a set of names can only follow `in` or `not in`";
      other.literal = normalize_name(other.literal);  // one that is not a name equals none
    }
    const MarkerType type = comparison.field().type;
    if (!right.field && (type == MarkerType::Version || type == MarkerType::VersionOrString))
      comparison.specifier = marker_specifier(comparison.op, right.literal);
    return nullptr;
  }

  std::string_view text_;
  MarkerContext context_;
  std::size_t at_ = 0;
};

Expected<Marker> Marker::parse(std::string_view text, MarkerContext context) {
  return MarkerParser(text, context).parse();
}

}  // namespace moat
