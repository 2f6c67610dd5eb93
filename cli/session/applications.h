// Applications of this user: each in an environment of its own, DATA/tools/NAME, made by `moat tool install`.
#pragma once

#include "cli/settings/settings.h"
#include "resolver/pep/name.h"

#include <string>
#include <vector>

namespace moat {

// APP as it is typed: `ruff`, `ruff@0.4` (every version that begins so), `ruff@latest`, or anything that may
// stand for a package.
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
