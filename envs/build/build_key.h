// What a build is found again by, and what came out of it is known by.
#pragma once

#include "envs/build/build.h"
#include "envs/build/build_variables.h"
#include "fetch/sources/source_builder.h"

#include <optional>
#include <string>

namespace moat {

// What decides, besides the tree and its settings, what comes out of a build: the Python, the variables that
// reach it, the constraints; without isolation the packages that are there. nullopt: it cannot be known, so
// nothing is found again.
std::optional<std::string> setting_key_of(const BuildOptions& options, const Interpreter& interpreter,
                                          const BuildVariables& passed);

// REQUIRES: the tree has a key.
std::string build_key(const BuildRequest& request, const std::string& setting_key);

// Name and version alone: whether the rest is of use is for those to say who use it.
struct BuiltIdentity {
  PackageName name;
  Version version;
  std::string told() const { return name.display() + " " + version.to_string(); }
  static Expected<BuiltIdentity> parse(const std::string& metadata);
};

}  // namespace moat
