// Which licences are allowed: `allow-licences` and `deny-licences`, SPDX identifiers that may hold `*`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct LicencePolicy {
  std::vector<std::string> allowed;  // empty: everything that is not denied
  std::vector<std::string> denied;

  bool empty() const { return allowed.empty() && denied.empty(); }
  // An SPDX expression: of `MIT OR GPL-2.0-only` one will do, of `MIT AND BSD-3-Clause` both are needed. ""
  // is not a licence at all, which only an empty list of allowed ones takes.
  bool admits(std::string_view expression) const;
};

// The licence that METADATA gives, as an SPDX expression if possible: License-Expression, else the
// classifiers, else the field License unless it is the whole text.
std::string licence_of(std::string_view metadata);

}  // namespace moat
