// The environment variables of a build. Pure.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace moat {

using BuildVariables = std::vector<std::pair<std::string, std::string>>;

// Of the user's variables those that are meant for compilers and build tools, by name: CC, CFLAGS,
// PKG_CONFIG_PATH, MAKEFLAGS, CMAKE_…, … (docs/building.md lists them). They decide what is built.
BuildVariables passed_to_builds(const BuildVariables& users);
// Proxies and certificates: for builds that may use the network.
BuildVariables network_variables(const BuildVariables& users);

struct BuildFolders {
  std::filesystem::path environment;  // its bin comes first on PATH
  std::filesystem::path home;         // empty
  std::filesystem::path temporary;
};

// All that a build sees: `passed` and what does not depend on the user at all.
BuildVariables build_variables(const BuildVariables& passed, const BuildFolders& folders);

}  // namespace moat
