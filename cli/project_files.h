// pyproject.toml as far as moat reads it, and what it leaves to the project's build backend.
#pragma once

#include "resolver/pep/marker.h"
#include "resolver/pep/metadata.h"
#include "resolver/pep/specifier.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct Settings;

// A requirement, and where it stands: "pyproject.toml:12".
struct NamedLine {
  std::string text;
  std::string where;
};

struct ProjectFacts {
  std::optional<SpecifierSet> requires_python;
  // [project] dependencies; what asks for the project's own extras is expanded. nullopt: the file is not
  // about a project that could have any (no [project], no [build-system], no setup.py or setup.cfg).
  std::optional<std::vector<NamedLine>> dependencies;
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

// What the project around says of Pythons in its pyproject.toml; nullopt where there is none, or it says
// nothing. As read_project.
std::optional<SpecifierSet> required_python(const Settings& settings);

// The requirements of dependency groups, each NAME (of the project's pyproject.toml) or
// PATH/pyproject.toml:NAME, in the order given; the project's own extras are expanded. Throws Error(Usage or
// BadInput).
std::vector<NamedLine> read_groups(const std::vector<std::string>& groups, const Settings& settings,
                                   const AskBackend& ask);

}  // namespace moat
