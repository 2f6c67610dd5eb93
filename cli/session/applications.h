// Applications of this user: each in its own environment, DATA/tools/NAME, made by `moat tool install`.
#pragma once

#include "cli/settings/settings.h"
#include "resolver/pep/name.h"

#include <string>
#include <vector>

namespace moat {

// A typed APP: `ruff`, `ruff@0.4` (every version with that prefix), `ruff@latest`, or anything that can name
// a package.
struct ApplicationWord {
  std::string requirement;  // "ruff==0.4.*"
  bool plain = false;       // a name alone
  bool latest = false;
};
// Throws Error(BadInput) for `ruff@nonsense`.
ApplicationWord parse_application(const std::string& text);

// By name.
std::vector<PackageName> installed_applications(const Settings& settings);

}  // namespace moat
