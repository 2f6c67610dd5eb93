// Environment markers (dependency specifiers, living specification of January 2026; PEP 508).
#pragma once

#include "resolver/base/error.h"
#include "resolver/pep/name.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// The values a target's markers are evaluated against. Plain values, made by an interpreter probe or by hand
// for a target that is not here.
struct MarkerEnvironment {
  std::string os_name;                         // "posix"
  std::string sys_platform;                    // "linux"
  std::string platform_machine;                // "x86_64"
  std::string platform_python_implementation;  // "CPython"
  std::string platform_release;
  std::string platform_system;  // "Linux"
  std::string platform_version;
  std::string python_version;          // "3.11", two components
  std::string python_full_version;     // "3.11.7"; "3.15.0+" is read as "3.15.0+local"
  std::string implementation_name;     // "cpython"
  std::string implementation_version;  // "3.11.7"

  // By marker name ("os_name"); nullptr for an unknown one.
  const std::string* find(std::string_view variable) const;
  // Of all variables, in the order above.
  std::vector<std::string> values() const;
  friend bool operator==(const MarkerEnvironment&, const MarkerEnvironment&) = default;
};

// Where a marker stands decides which variables it may use.
enum class MarkerContext { Requirement, LockFile };

// e.g. python_version < "3.11" and extra == "test". An immutable tree; copies share it.
class Marker {
 public:
  static Expected<Marker> parse(std::string_view text, MarkerContext context = MarkerContext::Requirement);

  // extras: those requested of the package whose requirement this is (its whole set: `extra != "x"` is a
  // complement). groups: for lock files' `dependency_groups`. An `extra` compared with no extras is false.
  bool evaluate(const MarkerEnvironment& environment, const std::set<ExtraName>& extras = {},
                const std::set<GroupName>& groups = {}) const;

  // Does `extra` or `extras` stand anywhere in it?
  bool mentions_extra() const;
  // Does each comparison of an extra hold for the one it names and no other (`extra == "x"`)? Then more
  // extras never make it false, and those it does not name never make it true.
  bool wants_extras_by_name() const;
  // The names that `extra` or `extras` is compared with.
  std::set<ExtraName> extras_named() const;
  // Each comparison in it as a marker of its own, and the variables with what they are compared with:
  // ("python_version", "3.11").
  std::vector<Marker> comparisons() const;
  std::set<std::pair<std::string, std::string>> comparands() const;
  // True if it can hold for no set of extras in this environment (used to drop requirements once, early).
  bool never_holds(const MarkerEnvironment& environment) const;

  // Its value once the extras and groups are settled: it never holds, or it holds where `rest` does (nullopt:
  // everywhere).
  struct Settled;
  Settled settle(const std::set<ExtraName>& extras, const std::set<GroupName>& groups) const;

  Marker both(const Marker& other) const;    // (this) and (other)
  Marker either(const Marker& other) const;  // (this) or (other)

  // Normal form: double quotes, one space, parentheses only where needed.
  std::string to_string() const;
  friend bool operator==(const Marker& a, const Marker& b) { return a.to_string() == b.to_string(); }

  struct Node;

 private:
  friend class MarkerParser;
  explicit Marker(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

struct Marker::Settled {
  bool never = false;
  std::optional<Marker> rest;
};

}  // namespace moat
