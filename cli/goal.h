// What the user asks to have: requirements of the command line and of files, with what the files say of
// indexes.
#pragma once

#include "cli/session.h"
#include "resolver/requirements_txt.h"
#include "resolver/solve.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct Goal {
  std::vector<RootRequirement> requirements;
  std::vector<RootRequirement> constraints;
  std::vector<RootRequirement> overrides;
  RequirementsOptions file_options;
  bool require_hashes = false;
};

// `packages`: requirements, paths, URLs. Throws Error(BadInput) naming the text or the file and line.
Goal read_goal(const std::vector<std::string>& packages, const std::vector<std::string>& requirement_files,
               const std::vector<std::string>& constraint_files, Session& session);

// A file that the user named. Error(BadInput) where there is none.
std::string read_named_file(const std::filesystem::path& path);

// One name, as uninstall and show take it. Throws Error(Usage).
PackageName parse_package_name(const std::string& text);

}  // namespace moat
