#include "cli/project_files.h"

#include "fetch/os/file.h"
#include "resolver/pyproject.h"

#include <fmt/format.h>

namespace moat {

ProjectFacts read_project(const fs::path& pyproject) {
  const auto bad = [&](const ParseError& error) {
    return Error(ErrorKind::BadInput, fmt::format("{}: {}", pyproject.native(), error.message));
  };
  const Expected<PyProject> file = PyProject::parse(read_file(pyproject));
  if (!file) throw bad(file.error());
  const Expected<std::optional<ProjectTable>> project = file->project();
  if (!project) throw bad(project.error());

  ProjectFacts facts;
  if (*project) {
    facts.requires_python = (*project)->requires_python;
    for (const ProjectLine& line : (*project)->dependencies) facts.dependencies.push_back(line.text);
  }
  return facts;
}

}  // namespace moat
