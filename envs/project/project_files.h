// The parts of pyproject.toml that moat reads, and those it asks the project's build backend for.
#pragma once

#include "envs/project/surrounding_project.h"
#include "resolver/files/pyproject.h"
#include "resolver/pep/marker.h"
#include "resolver/pep/metadata.h"
#include "resolver/pep/name.h"
#include "resolver/pep/specifier.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// A requirement, and its place: "pyproject.toml:12".
struct NamedLine {
  std::string text;
  std::string where;
  bool editable = false;
  bool of_workspace = false;  // [tool.moat.sources] says that it is a member of the workspace
};

// The present text of this pyproject.toml: while the project's or the member's file is being changed, it may
// differ from the disk. nullopt: there is no such file.
std::optional<std::string> pyproject_text(const std::filesystem::path& path,
                                          const SurroundingProject& around);

struct ProjectFacts {
  std::optional<SpecifierSet> requires_python;
  // [project] dependencies; references to the project's own extras are expanded. nullopt: the file describes
  // no project that could have any (no [project], no [build-system], no setup.py or setup.cfg).
  std::optional<std::vector<NamedLine>> dependencies;
};

// The project's own package: nullopt if it is not a package. [build-system], a setup.py or setup.cfg makes it
// one, unless `package` in [tool.moat] decides.
struct OwnPackage {
  std::filesystem::path folder;
  std::optional<PackageName> name;  // nullopt: only the backend knows
};

// METADATA of the project in a folder, from its build backend, and the environment for its markers. Called
// only if the file leaves its requirements open, since it may take a build.
struct BackendAnswer {
  CoreMetadata metadata;
  MarkerEnvironment environment;
};
using AskBackend = std::function<BackendAnswer(const std::filesystem::path& folder)>;

// The folder of the surrounding project: that of its pyproject.toml, found upwards; else the working
// directory, if it holds a setup.py or the setup.cfg of a package.
std::optional<std::filesystem::path> project_folder(const SurroundingProject& around);

// Its lock. REQUIRES: there is a project.
std::filesystem::path project_lock_path(const SurroundingProject& around);

// For the project in this folder. Error(BadInput) if its file is invalid.
ProjectFacts read_project(const std::filesystem::path& folder, const SurroundingProject& around,
                          const AskBackend& ask);

// Its extras and dependency groups, by normalised name, with references to the project's own extras and to
// other groups expanded. As read_project.
struct ProjectChoices {
  std::map<std::string, std::vector<NamedLine>> extras, groups;
};
ProjectChoices read_choices(const std::filesystem::path& folder, const SurroundingProject& around,
                            const AskBackend& ask);
// For the project in a folder, as far as its file tells.
std::optional<SpecifierSet> required_python(const std::filesystem::path& folder,
                                            const SurroundingProject& around);
// Does it describe a project? Not if it only configures tools. As read_project.
bool describes_project(const SurroundingProject& around);
bool has_project_table(const SurroundingProject& around);
// Is this key of [project] left to the build backend?
bool is_dynamic(std::string_view key, const SurroundingProject& around);
std::optional<OwnPackage> own_package(const SurroundingProject& around);
std::optional<OwnPackage> own_package(const std::filesystem::path& folder, const SurroundingProject& around);
// Name and version from [project]; version: "" if it is dynamic.
std::optional<ProjectName> project_name(const SurroundingProject& around);

// The dependency groups of the surrounding project, by their normalised names; and the ones that `sync`
// installs by default: `default-groups` in [tool.moat], else `dev`.
std::vector<GroupName> project_groups(const SurroundingProject& around);
std::vector<GroupName> default_groups(const SurroundingProject& around);

// requires-python of the surrounding project; nullopt if there is no project, or it sets none. As
// read_project.
std::optional<SpecifierSet> required_python(const SurroundingProject& around);

// The requirements of dependency groups, each NAME (of the project's pyproject.toml) or
// PATH/pyproject.toml:NAME, in the order given; the project's own extras are expanded. Throws Error(Usage or
// BadInput).
std::vector<NamedLine> read_groups(const std::vector<std::string>& groups, const SurroundingProject& around,
                                   const AskBackend& ask);

}  // namespace moat
