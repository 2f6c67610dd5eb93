// pyproject.toml as far as moat reads it, and what it leaves to the project's build backend.
#pragma once

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

struct Settings;

// A requirement, and where it stands: "pyproject.toml:12".
struct NamedLine {
  std::string text;
  std::string where;
  bool editable = false;
  bool of_workspace = false;  // [tool.moat.sources] says that a member of the workspace is meant
};

// What this pyproject.toml says, as it counts now: the project's and the member's may be known otherwise than
// they lie there, while they are changed. nullopt: there is no such file.
std::optional<std::string> pyproject_text(const std::filesystem::path& path, const Settings& settings);

struct ProjectFacts {
  std::optional<SpecifierSet> requires_python;
  // [project] dependencies; what asks for the project's own extras is expanded. nullopt: the file is not
  // about a project that could have any (no [project], no [build-system], no setup.py or setup.cfg).
  std::optional<std::vector<NamedLine>> dependencies;
};

// What of the project itself is installed: nullopt where it is not a package, which [build-system], a
// setup.py or setup.cfg makes it, and `package` in [tool.moat] says for itself.
struct OwnPackage {
  std::filesystem::path folder;
  std::optional<PackageName> name;  // nullopt: only the backend knows
};

// METADATA of the project in a folder, by its build backend, and the environment that its markers are read
// for. Asked only where the file itself leaves open what is needed: it may take a build.
struct BackendAnswer {
  CoreMetadata metadata;
  MarkerEnvironment environment;
};
using AskBackend = std::function<BackendAnswer(const std::filesystem::path& folder)>;

// The folder of the project around: that of its pyproject.toml, found upwards; else the one moat works in,
// where that holds a setup.py or the setup.cfg of a package.
std::optional<std::filesystem::path> project_folder(const Settings& settings);

// Of the project in this folder. Error(BadInput) where its file says something that cannot be meant.
ProjectFacts read_project(const std::filesystem::path& folder, const Settings& settings,
                          const AskBackend& ask);

// Its extras and dependency groups, by normalised name; what they take from the project's own extras and from
// other groups is expanded. As read_project.
struct ProjectChoices {
  std::map<std::string, std::vector<NamedLine>> extras, groups;
};
ProjectChoices read_choices(const std::filesystem::path& folder, const Settings& settings,
                            const AskBackend& ask);
// Of the project in a folder, as far as its file says it.
std::optional<SpecifierSet> required_python(const std::filesystem::path& folder, const Settings& settings);
// Is it about a project? Not so a pyproject.toml that only configures tools. As read_project.
bool describes_project(const Settings& settings);
bool has_project_table(const Settings& settings);
// Is this key of [project] left to the build backend?
bool is_dynamic(std::string_view key, const Settings& settings);
std::optional<OwnPackage> own_package(const Settings& settings);
std::optional<OwnPackage> own_package(const std::filesystem::path& folder, const Settings& settings);
// Name and version as [project] has them; version: "" where the backend says it.
std::optional<ProjectName> project_name(const Settings& settings);

// The dependency groups of the project around, by their normalised names; and those that `sync` takes where
// none is named: `default-groups` in [tool.moat], else `dev`.
std::vector<GroupName> project_groups(const Settings& settings);
std::vector<GroupName> default_groups(const Settings& settings);

// What the project around says of Pythons in its pyproject.toml; nullopt where there is none, or it says
// nothing. As read_project.
std::optional<SpecifierSet> required_python(const Settings& settings);

// The requirements of dependency groups, each NAME (of the project's pyproject.toml) or
// PATH/pyproject.toml:NAME, in the order given; the project's own extras are expanded. Throws Error(Usage or
// BadInput).
std::vector<NamedLine> read_groups(const std::vector<std::string>& groups, const Settings& settings,
                                   const AskBackend& ask);

}  // namespace moat
