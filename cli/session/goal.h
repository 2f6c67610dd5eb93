// Reads what the user asks for: requirements from the command line and from files, with the files' options
// about indexes.
#pragma once

#include "cli/session/session.h"
#include "envs/install/goal.h"
#include "envs/install/requirement_files.h"
#include "envs/project/project_files.h"

#include <string>
#include <vector>

namespace moat {

// `packages`: requirements, paths, URLs. Throws Error(BadInput) naming the text or the file and line.
Goal read_goal(const std::vector<std::string>& packages, const std::vector<std::string>& requirement_files,
               const std::vector<std::string>& constraint_files, Session& session,
               const std::vector<std::string>& editables = {});

// More requirements, of a project or a script.
void add_lines(const std::vector<NamedLine>& lines, Goal& goal, const Session& session);

// How files of the user are read, by the settings. Keeps references.
FileTerms file_terms(Session& session);

// One name, as uninstall and show take it. Throws Error(Usage).
PackageName parse_package_name(const std::string& text);

}  // namespace moat
