// The environment variables of a build. Pure, except for tool_folders.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

using BuildVariables = std::vector<std::pair<std::string, std::string>>;

// Of the user's variables those that are meant for builds: compilers and build tools by name (CC, CFLAGS,
// CMAKE_…), where things are and how to build by pattern (HDF5_DIR, PYCURL_SSL_LIBRARY,
// TORCH_CUDA_ARCH_LIST); docs/building.md lists them. `named`: NAME (the user's value) or NAME=VALUE, later
// ones win. They decide what is built.
BuildVariables passed_to_builds(const BuildVariables& users, const std::vector<std::string>& named = {});
// Names of those that are not passed, and are not a shell's or session's own: for people whose build failed.
std::vector<std::string> withheld_from_builds(const BuildVariables& users, const BuildVariables& passed);
// The folders of PATH where tools of the user's are, and no Python.
std::vector<std::string> tool_folders(std::string_view path);
// Proxies and certificates: for builds that may use the network.
BuildVariables network_variables(const BuildVariables& users);

struct BuildFolders {
  std::filesystem::path environment;  // its bin comes first on PATH
  std::filesystem::path home;         // empty
  std::filesystem::path temporary;
  std::vector<std::string> tools = {};  // after that, before the system's
};

// All that a build sees: `passed` and what does not depend on the user at all.
BuildVariables build_variables(const BuildVariables& passed, const BuildFolders& folders);

}  // namespace moat
