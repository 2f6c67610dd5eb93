// pyproject.toml as far as moat reads it.
#pragma once

#include "resolver/pep/specifier.h"

#include <filesystem>
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
  std::vector<NamedLine>
      dependencies;  // [project] dependencies; what asks for the project's own extras is expanded
};

// Error(BadInput) where the file says something that cannot be meant.
ProjectFacts read_project(const std::filesystem::path& pyproject, const Settings& settings);

// What the project around says of Pythons; nullopt where there is none, or it says nothing. As read_project.
std::optional<SpecifierSet> required_python(const Settings& settings);

// The requirements of dependency groups, each NAME (of the project's pyproject.toml) or
// PATH/pyproject.toml:NAME, in the order given; the project's own extras are expanded. Throws Error(Usage or
// BadInput).
std::vector<NamedLine> read_groups(const std::vector<std::string>& groups, const Settings& settings);

}  // namespace moat
