// Dependency specifiers (PEP 508): name[extras] specifier ; marker, or name[extras] @ url ; marker.
#pragma once

#include "resolver/base/error.h"
#include "resolver/pep/marker.h"
#include "resolver/pep/name.h"
#include "resolver/pep/specifier.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace moat {

struct Requirement {
  PackageName name;
  std::set<ExtraName> extras;
  SpecifierSet specifier;          // empty where url is set
  std::optional<std::string> url;  // as written
  std::optional<Marker> marker;

  // Strict: what the specification admits.
  static Expected<Requirement> parse(std::string_view text);

  // As found in published metadata: the known misspellings are mended (`>=7.2.0<8.0.0`, `!=~5.0`, `>=1.9.*`,
  // `>=2.7'`), each mend told in `mended` (nullopt where nothing was); what cannot be mended fails.
  struct Lenient;
  static Expected<Lenient> parse_lenient(std::string_view text);

  // Normal form: `name[a,b]>=1.0; marker`, `name @ url ; marker`.
  std::string to_string() const;
  friend bool operator==(const Requirement& a, const Requirement& b) {
    return a.to_string() == b.to_string();
  }
};

struct Requirement::Lenient {
  Requirement requirement;
  std::optional<std::string> mended;
};

}  // namespace moat
