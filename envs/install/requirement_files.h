// Requirements files, as the command line may read them. The named file may come from others, often in a
// checkout: it may only include files next to it, and must not send the user's secrets anywhere.
#pragma once

#include "fetch/http/http.h"
#include "resolver/base/url.h"
#include "resolver/files/requirements_txt.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct FileTerms {
  std::filesystem::path working_directory, home;
  std::function<std::optional<std::string>(const std::string& name)> variable;  // of the environment
  std::function<HttpClient&()> client;                                          // for files on the web
  bool as_pip = false;                        // nothing of what a file includes or sends is checked
  std::vector<std::string> expand_variables;  // whose values may go anywhere
  std::vector<Url> own_indexes;               // that the user named
};

// A file named by the user. Error(BadInput) if it does not exist.
std::string read_named_file(const std::filesystem::path& path);

// For read_requirements(`named`, …); `terms` outlive it. Reading throws Error(BadInput):
//   for a file that `named`, or what it includes, includes from outside: the tree of `named` (the nearest
//   folder upwards with .git or pyproject.toml, else its own) and the working folder are inside, links
//   followed
//   for a variable that the line would send to a host that only the file names; those in
//   `expand_variables` are meant to go anywhere
RequirementsReader requirements_reader(const std::string& named, const FileTerms& terms);

// The lines of a requirements file that stand in `path`, a file of another kind. Error(BadInput) names it.
RequirementsFile read_requirements_text(const std::string& path, const std::string& text,
                                        const FileTerms& terms);

// If a line of a requirements file contains ${NAME}, is the value sent only to this machine, or to one of
// these?
bool keeps_variables(const std::string& line, const std::vector<Url>& own_indexes);

}  // namespace moat
