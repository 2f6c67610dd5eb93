#include "resolver/pep/marker.h"

#include "resolver/base/text.h"
#include "resolver/pep/marker_node.h"

#include <algorithm>
#include <array>
#include <utility>

namespace moat {

// ---- fields

namespace {

using Environment = MarkerEnvironment;

constexpr std::array<MarkerField, 14> kFields = {{
    {"os_name", MarkerType::String, &Environment::os_name},
    {"sys_platform", MarkerType::String, &Environment::sys_platform},
    {"platform_machine", MarkerType::String, &Environment::platform_machine},
    {"platform_python_implementation", MarkerType::String, &Environment::platform_python_implementation},
    {"platform_release", MarkerType::VersionOrString, &Environment::platform_release},
    {"platform_system", MarkerType::String, &Environment::platform_system},
    {"platform_version", MarkerType::VersionOrString, &Environment::platform_version},
    {"python_version", MarkerType::Version, &Environment::python_version},
    {"python_full_version", MarkerType::Version, &Environment::python_full_version},
    {"implementation_name", MarkerType::String, &Environment::implementation_name},
    {"implementation_version", MarkerType::Version, &Environment::implementation_version},
    {"extra", MarkerType::Extra, nullptr},
    {"extras", MarkerType::Set, nullptr},
    {"dependency_groups", MarkerType::Set, nullptr},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOldSpellings = {{
    {"os.name", "os_name"},
    {"sys.platform", "sys_platform"},
    {"platform.version", "platform_version"},
    {"platform.machine", "platform_machine"},
    {"platform.python_implementation", "platform_python_implementation"},
    {"python_implementation", "platform_python_implementation"},
}};

}  // namespace

const MarkerField* find_marker_field(std::string_view name) {
  for (const auto& [old, current] : kOldSpellings)
    if (name == old) name = current;
  const auto* found =
      std::find_if(kFields.begin(), kFields.end(), [name](const MarkerField& f) { return f.name == name; });
  return found == kFields.end() ? nullptr : found;
}

const std::string* MarkerEnvironment::find(std::string_view variable) const {
  const MarkerField* field = find_marker_field(variable);
  return field && field->value ? &(this->*field->value) : nullptr;
}

std::vector<std::string> MarkerEnvironment::values() const {
  std::vector<std::string> out;
  for (const MarkerField& field : kFields)
    if (field.value != nullptr) out.push_back(this->*field.value);
  return out;
}

// ---- comparing values

std::optional<Specifier> marker_specifier(MarkerOperator op, std::string_view text) {
  if (op == MarkerOperator::In || op == MarkerOperator::NotIn) return std::nullopt;
  // A blank keeps `<` and `=3` apart.
  auto specifier = Specifier::parse(std::string(to_string(op)) + " " + std::string(text));
  return specifier ? std::optional<Specifier>(std::move(*specifier)) : std::nullopt;
}

namespace {

// CPython between two releases calls itself 3.15.0+, which is not a version.
std::optional<Version> version_of(std::string_view text) {
  auto version = text.ends_with('+') ? Version::parse(std::string(text) + "local") : Version::parse(text);
  return version ? std::optional<Version>(std::move(*version)) : std::nullopt;
}

// Strings have no order: `<=` and `>=` say what `==` says, `<` and `>` never hold.
bool compare_strings(std::string_view left, MarkerOperator op, std::string_view right) {
  switch (op) {
    case MarkerOperator::In:
      return right.find(left) != std::string_view::npos;
    case MarkerOperator::NotIn:
      return right.find(left) == std::string_view::npos;
    case MarkerOperator::NotEqual:
      return left != right;
    case MarkerOperator::Less:
    case MarkerOperator::Greater:
      return false;
    case MarkerOperator::Equal:
    case MarkerOperator::LessEqual:
    case MarkerOperator::GreaterEqual:
    case MarkerOperator::Compatible:
    case MarkerOperator::Arbitrary:
      break;
  }
  return left == right;
}

// `"3.*" == python_version`: the one clause that makes sense only with its sides changed.
bool is_prefix_on_the_left(const MarkerComparison& comparison) {
  return !comparison.left.field && comparison.left.literal.ends_with(".*");
}

// "A op B" holds if A satisfies the clause "op B"; nullopt where one of them is not a version.
std::optional<bool> compare_versions(const MarkerComparison& comparison, std::string_view left,
                                     std::string_view right) {
  if (is_prefix_on_the_left(comparison)) std::swap(left, right);
  std::optional<Specifier> made;
  if (!comparison.specifier) made = marker_specifier(comparison.op, right);
  const std::optional<Specifier>& specifier = comparison.specifier ? comparison.specifier : made;
  if (!specifier) return std::nullopt;
  const std::optional<Version> version = version_of(left);
  if (!version) return std::nullopt;
  return specifier->contains(*version, left);
}

std::string_view value_of(const MarkerOperand& operand, const MarkerEnvironment& environment) {
  return operand.field ? std::string_view(environment.*operand.field->value) : operand.literal;
}

// A comparison of two values of the environment or literals, no extras or groups.
bool compare_values(const MarkerComparison& comparison, const MarkerEnvironment& environment) {
  const std::string_view left = value_of(comparison.left, environment);
  const std::string_view right = value_of(comparison.right, environment);
  if (comparison.field().type != MarkerType::String)
    if (const std::optional<bool> answer = compare_versions(comparison, left, right)) return *answer;
  return compare_strings(left, comparison.op, right);
}

template <class Names>
bool has_name(const Names& names, std::string_view normalized) {
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& name) { return name.normalized() == normalized; });
}

// `extra` stands for the whole set: `!=` and `not in` are complements of `==` and `in`.
bool compare_extra(const MarkerComparison& comparison, const std::set<ExtraName>& extras) {
  const std::string& literal = comparison.left.field ? comparison.right.literal : comparison.left.literal;
  const auto any = [&](MarkerOperator op) {
    return std::any_of(extras.begin(), extras.end(), [&](const ExtraName& extra) {
      return comparison.left.field ? compare_strings(extra.normalized(), op, literal)
                                   : compare_strings(literal, op, extra.normalized());
    });
  };
  if (comparison.op == MarkerOperator::NotEqual) return !has_name(extras, literal);
  if (comparison.op == MarkerOperator::NotIn) return !any(MarkerOperator::In);
  return any(comparison.op);
}

// `"x" in extras`, `"x" not in dependency_groups`.
bool compare_set(const MarkerComparison& comparison, const std::set<ExtraName>& extras,
                 const std::set<GroupName>& groups) {
  const std::string& literal = comparison.left.literal;
  const bool found =
      comparison.field().name == "extras" ? has_name(extras, literal) : has_name(groups, literal);
  return found == (comparison.op == MarkerOperator::In);
}

// ---- walking the tree

enum class Truth { No, Unknown, Yes };

Truth truth(bool value) { return value ? Truth::Yes : Truth::No; }

// Kleene's three values: `and` is the least of its parts, `or` the greatest.
template <class Compare>
Truth evaluate_tree(const Marker::Node& node, const Compare& compare) {
  if (node.kind == Marker::Node::Kind::Comparison) return compare(node.comparison);
  const bool is_and = node.kind == Marker::Node::Kind::And;
  Truth out = truth(is_and);
  for (const auto& child : node.children) {
    const Truth part = evaluate_tree(*child, compare);
    out = is_and ? std::min(out, part) : std::max(out, part);
    if (out == truth(!is_and)) return out;
  }
  return out;
}

std::string quoted(const std::string& literal) {
  const char mark = literal.find('"') == std::string::npos ? '"' : '\'';
  return mark + literal + mark;
}

std::string text_of(const MarkerOperand& operand) {
  return operand.field ? std::string(operand.field->name) : quoted(operand.literal);
}

void write(const Marker::Node& node, std::string& out) {
  if (node.kind == Marker::Node::Kind::Comparison) {
    const MarkerComparison& comparison = node.comparison;
    out += text_of(comparison.left) + " " + std::string(to_string(comparison.op)) + " " +
           text_of(comparison.right);
    return;
  }
  const bool is_and = node.kind == Marker::Node::Kind::And;
  for (const auto& child : node.children) {
    if (child != node.children.front()) out += is_and ? " and " : " or ";
    const bool parenthesized = is_and && child->kind == Marker::Node::Kind::Or;
    if (parenthesized) out += '(';
    write(*child, out);
    if (parenthesized) out += ')';
  }
}

bool is_of_extras(const MarkerComparison& comparison) {
  const std::string_view name = comparison.field().name;
  return name == "extra" || name == "extras";
}

}  // namespace

std::shared_ptr<const Marker::Node> joined(Marker::Node::Kind kind,
                                           std::vector<std::shared_ptr<const Marker::Node>> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Marker::Node node;
  node.kind = kind;
  for (auto& part : parts) {
    if (part->kind == kind)
      node.children.insert(node.children.end(), part->children.begin(), part->children.end());
    else
      node.children.push_back(std::move(part));
  }
  return std::make_shared<const Marker::Node>(std::move(node));
}

bool Marker::evaluate(const MarkerEnvironment& environment, const std::set<ExtraName>& extras,
                      const std::set<GroupName>& groups) const {
  return evaluate_tree(*root_, [&](const MarkerComparison& comparison) {
           switch (comparison.field().type) {
             case MarkerType::Extra:
               return truth(compare_extra(comparison, extras));
             case MarkerType::Set:
               return truth(compare_set(comparison, extras, groups));
             case MarkerType::String:
             case MarkerType::Version:
             case MarkerType::VersionOrString:
               break;
           }
           return truth(compare_values(comparison, environment));
         }) == Truth::Yes;
}

bool Marker::mentions_extra() const {
  const auto mentions = [](const auto& self, const Node& node) -> bool {
    if (node.kind == Node::Kind::Comparison) return is_of_extras(node.comparison);
    return std::any_of(node.children.begin(), node.children.end(),
                       [&](const auto& child) { return self(self, *child); });
  };
  return mentions(mentions, *root_);
}

bool Marker::wants_extras_by_name() const {
  const auto by_name = [](const MarkerComparison& comparison) {
    const bool is_set = comparison.field().type == MarkerType::Set;
    return comparison.op == (is_set ? MarkerOperator::In : MarkerOperator::Equal);
  };
  const auto all_by_name = [&](const auto& self, const Node& node) -> bool {
    if (node.kind == Node::Kind::Comparison)
      return !is_of_extras(node.comparison) || by_name(node.comparison);
    return std::all_of(node.children.begin(), node.children.end(),
                       [&](const auto& child) { return self(self, *child); });
  };
  return all_by_name(all_by_name, *root_);
}

std::set<ExtraName> Marker::extras_named() const {
  std::set<ExtraName> names;
  const auto collect = [&names](const auto& self, const Node& node) -> void {
    for (const auto& child : node.children) self(self, *child);
    if (node.kind != Node::Kind::Comparison || !is_of_extras(node.comparison)) return;
    const MarkerOperand& text = node.comparison.left.field ? node.comparison.right : node.comparison.left;
    if (Expected<ExtraName> name = ExtraName::parse(text.literal)) names.insert(std::move(*name));
  };
  collect(collect, *root_);
  return names;
}

std::vector<Marker> Marker::comparisons() const {
  std::vector<Marker> out;
  const auto collect = [&out](const auto& self, const std::shared_ptr<const Node>& node) -> void {
    if (node->kind == Node::Kind::Comparison) out.push_back(Marker(node));
    for (const auto& child : node->children) self(self, child);
  };
  collect(collect, root_);
  return out;
}

std::set<std::pair<std::string, std::string>> Marker::comparands() const {
  std::set<std::pair<std::string, std::string>> out;
  for (const Marker& one : comparisons()) {
    const MarkerComparison& comparison = one.root_->comparison;
    for (const MarkerOperand* side : {&comparison.left, &comparison.right}) {
      const MarkerOperand& other = side == &comparison.left ? comparison.right : comparison.left;
      if (side->field != nullptr) out.emplace(side->field->name, other.literal);
    }
  }
  return out;
}

bool Marker::never_holds(const MarkerEnvironment& environment) const {
  return evaluate_tree(*root_, [&](const MarkerComparison& comparison) {
           return comparison.field().value ? truth(compare_values(comparison, environment)) : Truth::Unknown;
         }) == Truth::No;
}

Marker Marker::both(const Marker& other) const {
  return Marker(joined(Node::Kind::And, {root_, other.root_}));
}

Marker Marker::either(const Marker& other) const {
  return Marker(joined(Node::Kind::Or, {root_, other.root_}));
}

std::string Marker::to_string() const {
  std::string out;
  write(*root_, out);
  return out;
}

}  // namespace moat
