// A project of another tool as one of moat's: what its lock chose, and what its files ask for.
#pragma once

#include "envs/install/requirement_files.h"
#include "envs/project/surrounding_project.h"
#include "resolver/base/reporter.h"
#include "resolver/files/foreign_lock.h"
#include "resolver/files/project_edit.h"
#include "resolver/lock/lockfile.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct ForeignImport {
  ForeignVersions versions;
  ForeignProject project;
};

// By its name: Pipfile.lock with the Pipfile beside it, poetry.lock, pdm.lock and uv.lock with their tables
// in `pyproject` (as `edit` has it), conda's environment.yml, else a requirements file with the .in beside
// it. Error(BadInput); Error(Usage) for moat's own files. REQUIRES: there is a pyproject.toml around.
ForeignImport read_foreign(const std::filesystem::path& path, const ProjectEdit& edit,
                           const std::filesystem::path& pyproject, const SurroundingProject& around,
                           const FileTerms& terms, Reporter& reporter);

// Adds the [project] table equivalent to the tool's own, and the missing requirements: these are also added
// to `added`, "flask>=3 in group dev".
void add_to_project(const ForeignProject& from, ProjectEdit& edit, bool has_project,
                    std::vector<std::string>& added);

// The newest of several versions each, as a lock whose versions are to be kept.
Pylock newest_of(const ForeignVersions& versions);

}  // namespace moat
