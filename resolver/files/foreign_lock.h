// Locks and projects of other tools: text → the versions they chose, and what their users asked for.
#pragma once

#include "resolver/base/error.h"
#include "resolver/files/project_edit.h"
#include "resolver/files/toml.h"
#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Several versions of a package where the tool locks for several environments.
using ForeignVersions = std::map<PackageName, std::vector<Version>>;

// poetry.lock, uv.lock and pdm.lock: [[package]] with name and version. Folders are left out.
Expected<ForeignVersions> read_package_tables(std::string_view text);
// Pipfile.lock
Expected<ForeignVersions> read_pipfile_lock(std::string_view text);

struct ForeignRequirement {
  RequirementList list;
  std::string text;                     // PEP 508
  std::optional<ProjectSource> source;  // of a folder
  bool replaces = false;                // replaces the line of that list which names the package
};

struct ForeignProject {
  std::string name, version, description;  // "" if not given
  std::string requires_python;
  std::vector<ForeignRequirement> requirements;
  std::vector<std::string> left_out;  // sentences about entries that have no counterpart
};

// [tool.poetry] of a pyproject.toml: `^1.2` is `>=1.2,<2`, and so on.
ForeignProject read_poetry_project(const TomlTable& poetry);
// [tool.uv.sources] of a pyproject.toml: the lines of [project] and [dependency-groups] for which it gives a
// source, each with that source. `lists`: from the same file.
ForeignProject read_uv_sources(const TomlTable& uv, const ProjectEdit& lists);
// Pipfile
Expected<ForeignProject> read_pipfile(std::string_view text);

// poetry's notation of versions as PEP 440 has it: "^1.2.3" → ">=1.2.3,<2", "~1.2" → ">=1.2,<1.3", "1.*" →
// "==1.*",
// "*" → "", "1.2" → "==1.2". Fails for what has no counterpart: alternatives.
Expected<std::string> pep440_of_poetry(std::string_view constraint);

}  // namespace moat
