// Version clauses from published metadata, with known misspellings that have only one meaning.
#pragma once

#include "resolver/base/error.h"
#include "resolver/pep/specifier.h"

#include <optional>
#include <string>
#include <string_view>

namespace moat {

struct Mended {
  std::string text;
  std::string what;  // "a comma was missing; …"; empty if nothing is known to be wrong
};

// `>=7.2.0<8.0.0`, `!=~5.0`, `>=1.9.*`, `>=2.7'`, `>dev`, `!=3.0*`, `>=9.0.0a1.0`, `> = 1.4`. The text may
// still be wrong afterwards.
Mended mend_specifiers(std::string_view text);

// A set of clauses, mended where it does not parse; `mended` tells what was.
struct LenientSpecifiers {
  SpecifierSet specifier;
  std::optional<std::string> mended;
};
Expected<LenientSpecifiers> parse_specifiers_lenient(std::string_view text);

}  // namespace moat
