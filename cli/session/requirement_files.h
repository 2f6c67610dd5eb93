// Requirements files, as the command line may read them. The named file may come from others, often in a
// checkout: it may only include files next to it, and must not send the user's secrets anywhere.
#pragma once

#include "cli/session/session.h"
#include "resolver/files/requirements_txt.h"

#include <filesystem>
#include <string>

namespace moat {

// For read_requirements(`named`, …). Reading throws Error(BadInput):
//   for a file that `named`, or what it includes, includes from outside: the tree of `named` (the nearest
//   folder upwards with .git or pyproject.toml, else its own) and the working folder are inside, links
//   followed for a variable that the line would send to a host that only the file names; those in the setting
//   `expand-variables` are meant to go anywhere
// With Settings::files_as_pip neither is checked.
RequirementsReader requirements_reader(const std::string& named, Session& session);

// The lines of a requirements file that stand in `path`, a file of another kind. Error(BadInput) names it.
RequirementsFile read_requirements_text(const std::string& path, const std::string& text, Session& session);

// If a line of a requirements file contains ${NAME}, is the value sent only to this machine, or to one of
// these?
bool keeps_variables(const std::string& line, const std::vector<Url>& own_indexes);

}  // namespace moat
