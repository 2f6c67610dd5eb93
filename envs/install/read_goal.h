// Texts of the user → goal: requirements as they are typed and as files list them, with the files' options
// about indexes.
#pragma once

#include "envs/install/goal.h"
#include "envs/install/requirement_files.h"
#include "envs/project/project_files.h"
#include "resolver/base/reporter.h"
#include "resolver/files/requirements_txt.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct GoalTexts {
  std::vector<std::string> packages;  // requirements, paths, URLs
  std::vector<std::string> editables;
  std::vector<std::string> requirement_files, constraint_files, override_files;
};

// Throws Error(BadInput) naming the text or the file and line, Error(Usage) for a file that is typed as if it
// were a requirement.
Goal read_goal(const GoalTexts& texts, const FileTerms& terms, Reporter& reporter);

// One more line. `directory`: what a path in it is relative to.
void add_line(const RequirementsEntry& entry, const std::filesystem::path& directory, Goal& goal);

// More requirements, of a project or a script.
void add_lines(const std::vector<NamedLine>& lines, const std::filesystem::path& directory, Goal& goal);

}  // namespace moat
