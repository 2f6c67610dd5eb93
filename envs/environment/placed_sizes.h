// What each package of an environment takes, as placed.
#pragma once

#include "envs/environment/environment.h"

#include <cstdint>
#include <map>
#include <string>

namespace moat {

struct PlacedSizes {
  // By normalised name; "": Python and the environment's own.
  std::map<std::string, std::uint64_t> of_package;
  std::uint64_t all = 0;
  std::uint64_t of(const std::string& name) const {
    const auto found = of_package.find(name);
    return found == of_package.end() ? 0 : found->second;
  }
};

// Bytecode counts for the owner of the source next to it.
PlacedSizes sizes_of(const Environment::Placed& placed);

}  // namespace moat
