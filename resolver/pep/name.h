// Names of projects, extras and dependency groups (PEP 503, PEP 685, PEP 735): normalised on construction.
#pragma once

#include "resolver/base/error.h"

#include <functional>
#include <string>
#include <string_view>

namespace moat {

// ^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])\Z, case-insensitive, ASCII.
bool is_valid_name(std::string_view text);
// Lower case, runs of -_. become one '-'; anything else stays, so what is not a name does not become one.
std::string normalize_name(std::string_view text);

// A valid name: compared, ordered and hashed by its normal form, shown as first written.
// The tag keeps kinds of names apart. Immutable value, safe to share.
template <class Kind>
class Name {
 public:
  static Expected<Name> parse(std::string_view text) {
    if (!is_valid_name(text))
      return parse_error(
          "a name is letters, digits, `.`, `-` and `_`, and begins and ends with a letter or digit");
    return Name(normalize_name(text), std::string(text));
  }

  const std::string& normalized() const { return normalized_; }  // foo-bar
  const std::string& display() const { return display_; }        // Foo.Bar
  // As in file names and .dist-info: foo_bar.
  std::string escaped() const {
    std::string out = normalized_;
    for (char& c : out)
      if (c == '-') c = '_';
    return out;
  }

  friend bool operator==(const Name& a, const Name& b) { return a.normalized_ == b.normalized_; }
  friend auto operator<=>(const Name& a, const Name& b) { return a.normalized_ <=> b.normalized_; }

 private:
  Name(std::string normalized, std::string display)
      : normalized_(std::move(normalized)), display_(std::move(display)) {}
  std::string normalized_;
  std::string display_;
};

using PackageName = Name<struct PackageNameKind>;
using ExtraName = Name<struct ExtraNameKind>;
using GroupName = Name<struct GroupNameKind>;

}  // namespace moat

template <class Kind>
struct std::hash<moat::Name<Kind>> {
  std::size_t operator()(const moat::Name<Kind>& name) const noexcept {
    return std::hash<std::string>{}(name.normalized());
  }
};
