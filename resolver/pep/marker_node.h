// The tree behind a Marker; for marker.cpp and marker_parser.cpp alone.
#pragma once

#include "resolver/pep/marker.h"
#include "resolver/pep/specifier.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

enum class MarkerOperator {
  Less,
  LessEqual,
  Equal,
  NotEqual,
  GreaterEqual,
  Greater,
  Compatible,
  Arbitrary,
  In,
  NotIn
};
std::string_view to_string(MarkerOperator op);

// How the values of a field compare.
enum class MarkerType {
  String,
  Version,
  VersionOrString,
  Extra,  // `extra`: a name, true if it is among the extras
  Set,    // `extras`, `dependency_groups`: names, for `in` alone
};

struct MarkerField {
  std::string_view name;
  MarkerType type;
  const std::string MarkerEnvironment::*value;  // nullptr for Extra and Set
};
// nullptr for an unknown name. Knows the spellings of old metadata (os.name, python_implementation).
const MarkerField* find_marker_field(std::string_view name);

// One side of a comparison: a field, or a literal.
struct MarkerOperand {
  const MarkerField* field = nullptr;
  std::string literal;
};

struct MarkerComparison {
  MarkerOperand left;
  MarkerOperator op = MarkerOperator::Equal;
  MarkerOperand right;
  // `op right` as a version clause, where the left side is compared as a version and that text is one.
  std::optional<Specifier> specifier;

  // The type both sides are compared by: that of the left side if it is a field.
  const MarkerField& field() const { return left.field ? *left.field : *right.field; }
};

struct Marker::Node {
  enum class Kind { And, Or, Comparison };
  Kind kind = Kind::Comparison;
  std::vector<std::shared_ptr<const Node>> children;  // And, Or: two or more, none of the same kind
  MarkerComparison comparison;
};

// The clause `op text`; nullopt for `in` and where the text is not a version. Version operators' rules:
// `< 3.15` does not admit 3.15.0rc1.
std::optional<Specifier> marker_specifier(MarkerOperator op, std::string_view text);

// Nodes of one kind in one: (a and b) and c is a and b and c. REQUIRES: parts is not empty.
std::shared_ptr<const Marker::Node> joined(Marker::Node::Kind kind,
                                           std::vector<std::shared_ptr<const Marker::Node>> parts);

}  // namespace moat
