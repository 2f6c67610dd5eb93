// The target of a resolution: one Python on one platform, as values.
#pragma once

#include "resolver/pep/marker.h"
#include "resolver/pep/tag.h"
#include "resolver/pep/version.h"

#include <string>

namespace moat {

// Made by envs::Interpreter for an installed one, or from tables for another.
struct Target {
  MarkerEnvironment environment;
  TagSet tags;
  Version python;           // X.Y.Z, without a pre-release part (Requires-Python is compared with this)
  std::string description;  // for messages: "CPython 3.11.7 on linux x86_64 (glibc 2.36)"
};

}  // namespace moat
