// Lines that are added to a project: with bounds made of the version that was chosen.
#pragma once

#include "resolver/pep/requirement.h"
#include "resolver/pep/version.h"

#include <optional>
#include <string>

namespace moat {

enum class Bounds { Lower, Exact, Compatible, None };

// ">=3.1.3", "==3.1.3", ">=3.1.3,<4" (of 0.4.2 ">=0.4.2,<0.5")
std::string bound(const Version& version, Bounds bounds);

// The bounds in reading order: the lower one first. REQUIRES: the requirement has no specifier and no URL.
std::string with_bound(Requirement requirement, const std::string& bound);

// An existing line that says more than the typed one stays; extras are merged.
Requirement joined_with(Requirement wanted, const std::optional<std::string>& there);

}  // namespace moat
