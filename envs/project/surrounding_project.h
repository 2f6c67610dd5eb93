// The project around a command, as its files are read from here on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct SurroundingProject {
  std::filesystem::path working_directory;         // paths are shown relative to it
  std::optional<std::filesystem::path> pyproject;  // found upwards
  // Its text; for an unwritten edit, the new text. nullopt: it was not read.
  std::optional<std::string> pyproject_text;
  // In a workspace `pyproject` is its root's, and this is the surrounding member's, or the named one's.
  std::optional<std::filesystem::path> member;
  std::optional<std::string> member_text;   // as pyproject_text
  std::vector<std::string> default_groups;  // that `sync` installs; empty: `dev`, if it exists
};

}  // namespace moat
