// The keys under which builds are cached, and the name and version of their results.
#pragma once

#include "envs/build/build.h"
#include "envs/build/build_variables.h"
#include "fetch/sources/source_builder.h"

#include <optional>
#include <string>

namespace moat {

// What a build's result depends on besides the tree and its settings: the Python, the passed variables, the
// constraints; without isolation the installed packages. nullopt: that cannot be known, so the build is not
// cached.
std::optional<std::string> setting_key_of(const BuildOptions& options, const Interpreter& interpreter,
                                          const BuildVariables& passed);

// REQUIRES: the tree has a key.
std::string build_key(const BuildRequest& request, const std::string& setting_key);

// Only the name and version of a built package: callers decide whether the rest of its metadata is usable.
struct BuiltIdentity {
  PackageName name;
  Version version;
  std::string told() const { return name.display() + " " + version.to_string(); }
  static Expected<BuiltIdentity> parse(const std::string& metadata);
};

}  // namespace moat
