// PEP 440 version specifiers: one clause, and a set of them.
#pragma once

#include "resolver/base/error.h"
#include "resolver/pep/version.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

enum class Operator { Compatible, Equal, NotEqual, LessEqual, GreaterEqual, Less, Greater, ArbitraryEqual };
std::string_view to_string(Operator op);  // "~=", "==", …

// One clause, e.g. ">=1.2", "==1.*", "===foobar". Immutable value.
class Specifier {
 public:
  static Expected<Specifier> parse(std::string_view text);
  // "== version", the local version taking part.
  static Specifier exactly(const Version& version);

  Operator op() const { return op_; }
  // The right-hand side. REQUIRES: op() is not ArbitraryEqual.
  const Version& version() const { return *version_; }
  bool is_prefix() const { return prefix_; }         // ends in .*
  const std::string& text() const { return text_; }  // right-hand side as written (=== compares it)
  // The clause names a pre-release (any operator but !=; === counts if it parses as one).
  bool names_prerelease() const;

  // Does the clause admit the version? The policy on pre-releases is not applied here.
  bool contains(const Version& version) const { return contains(version, {}); }
  // original: the candidate's text as the index wrote it, for ===; "" means version.to_string().
  bool contains(const Version& version, std::string_view original) const;

  // Normal form: ">=1.2.0".
  std::string to_string() const;
  // One text for clauses with the same meaning: ">=1.2.0" is ">=1.2" (but "~=1.2.0" is not "~=1.2").
  std::string canonical_key() const;
  friend bool operator==(const Specifier& a, const Specifier& b) {
    return a.canonical_key() == b.canonical_key();
  }

 private:
  friend class SpecifierParser;
  Operator op_ = Operator::Equal;
  std::optional<Version> version_;
  bool prefix_ = false;
  std::string text_;
};

enum class Prereleases { IfNecessary, Allow, Forbid };

// Clauses joined by ',': all must hold. The empty set admits every version. Order is irrelevant, duplicates
// collapse. Immutable value.
class SpecifierSet {
 public:
  SpecifierSet() = default;
  explicit SpecifierSet(std::vector<Specifier> clauses);
  static Expected<SpecifierSet> parse(std::string_view text);

  const std::vector<Specifier>& clauses() const { return clauses_; }  // sorted, unique
  bool empty() const { return clauses_.empty(); }
  bool names_prerelease() const;
  // The version of a sole `==V` without `.*`, or `===V` that parses; a pin, as yanked files and hashes need
  // it.
  std::optional<Version> pinned_version() const;

  bool contains(const Version& version, std::string_view original = {}) const;
  // The versions that `contains` admits, order kept. IfNecessary: pre-releases only where no final version is
  // admitted (the living specification's rule for a list of versions). Indices into `versions`.
  std::vector<std::size_t> filter(const std::vector<Version>& versions,
                                  Prereleases prereleases = Prereleases::IfNecessary) const;

  SpecifierSet intersected(const SpecifierSet& other) const;

  // Normal form: clauses sorted by text, joined by ','.
  std::string to_string() const;
  friend bool operator==(const SpecifierSet& a, const SpecifierSet& b) { return a.clauses_ == b.clauses_; }

 private:
  std::vector<Specifier> clauses_;  // sorted by canonical key, unique
};

}  // namespace moat
