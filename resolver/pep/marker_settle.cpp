// A marker with extras and groups resolved: for readers of a lock that support neither.
#include "resolver/pep/marker_node.h"

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace moat {
namespace {

using Node = Marker::Node;
using NodePointer = std::shared_ptr<const Node>;

// A tree with the known parts removed: a value, or the rest.
struct Partial {
  std::optional<bool> value;
  NodePointer rest;
};

class Settling {
 public:
  explicit Settling(std::function<bool(const NodePointer&)> decide) : decide_(std::move(decide)) {}

  Partial run(const NodePointer& node) const {
    if (node->kind == Node::Kind::Comparison) {
      const MarkerType type = node->comparison.field().type;
      const bool is_known = type == MarkerType::Extra || type == MarkerType::Set;
      return is_known ? Partial{decide_(node), nullptr} : Partial{std::nullopt, node};
    }
    // One such part decides: false in `and`, true in `or`.
    const bool decisive = node->kind == Node::Kind::Or;
    std::vector<NodePointer> left;
    for (const NodePointer& child : node->children) {
      Partial part = run(child);
      if (part.value == decisive) return part;
      if (!part.value) left.push_back(std::move(part.rest));
    }
    if (left.empty()) return {!decisive, nullptr};
    return {std::nullopt, joined(node->kind, std::move(left))};
  }

 private:
  std::function<bool(const NodePointer&)> decide_;
};

}  // namespace

Marker::Settled Marker::settle(const std::set<ExtraName>& extras, const std::set<GroupName>& groups) const {
  const Settling settling(
      [&](const NodePointer& node) { return Marker(node).evaluate(MarkerEnvironment{}, extras, groups); });
  Partial partial = settling.run(root_);
  if (partial.value) return {!*partial.value, std::nullopt};
  return {false, Marker(std::move(partial.rest))};
}

}  // namespace moat
