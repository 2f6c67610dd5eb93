// The environment variables of a build. Pure, except for what looks at the folders of PATH.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

using BuildVariables = std::vector<std::pair<std::string, std::string>>;

// The user's variables that are meant for builds: compilers and build tools by name (CC, CFLAGS, CMAKE_…),
// paths and build options by pattern (HDF5_DIR, PYCURL_SSL_LIBRARY, TORCH_CUDA_ARCH_LIST); docs/building.md
// lists them. `named`: NAME (the user's value) or NAME=VALUE, later ones win. The result is part of the
// build's key.
BuildVariables passed_to_builds(const BuildVariables& users, const std::vector<std::string>& named = {});
// Names of variables that are not passed, except those of shells and sessions: shown when a build failed.
std::vector<std::string> withheld_from_builds(const BuildVariables& users, const BuildVariables& passed);
// The folders of PATH that hold the user's tools, but no Python.
std::vector<std::string> tool_folders(std::string_view path);
// The programs in its other folders, those with a Python, which builds do not see: name → path.
std::map<std::string, std::string> hidden_programs(std::string_view path);
// Proxies and certificates: for builds that may use the network.
BuildVariables network_variables(const BuildVariables& users);

struct BuildFolders {
  std::filesystem::path environment;  // its bin comes first on PATH
  std::filesystem::path home;         // empty
  std::filesystem::path temporary;
  std::vector<std::string> tools = {};  // after that, before the system's
};

// All variables of a build: `passed`, and those that do not depend on the user.
BuildVariables build_variables(const BuildVariables& passed, const BuildFolders& folders);

}  // namespace moat
