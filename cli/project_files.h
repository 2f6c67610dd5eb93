// pyproject.toml as far as moat reads it.
#pragma once

#include "resolver/pep/specifier.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct ProjectFacts {
  std::optional<SpecifierSet> requires_python;
  std::vector<std::string> dependencies;  // [project] dependencies, as written
};

// Error(BadInput) where the file says something that cannot be meant.
ProjectFacts read_project(const std::filesystem::path& pyproject);

}  // namespace moat
