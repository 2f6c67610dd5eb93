// The inputs that an environment was last made from, so that a project with nothing to do is recognised by
// reading its files once: ENV/.moat/synced, text. Any other change of the environment, or a rollback, changes
// the manifest, which invalidates the stamp. It is only a short cut: without it the full comparison gives the
// same result.
#pragma once

#include "envs/project/surrounding_project.h"

#include <filesystem>
#include <optional>
#include <string>

namespace moat {

struct ProjectStamp {
  std::string inputs;    // digest of the project's files, the lock, and what was chosen of it
  std::string project;   // digest of the project's files alone: the inputs of its own package
  std::string manifest;  // identifies the manifest
  bool exact = false;    // nothing else is in the environment
  friend bool operator==(const ProjectStamp&, const ProjectStamp&) = default;
};

// The files that define a project: pyproject.toml, setup.py and setup.cfg of its folder, and of the members
// of a workspace.
std::string project_digest(const std::filesystem::path& folder, const SurroundingProject& around);
std::string inputs_digest(const std::string& project, const std::string& lock_text,
                          const std::string& chosen);
// "" where there is none.
std::string manifest_mark(const std::filesystem::path& environment);

// Known without parsing anything: the stamp matches exactly these files. `inexact`: there may be more in the
// environment. `choice`: what was chosen of the lock, as inputs_digest() takes it.
bool is_synced(const std::filesystem::path& environment, bool inexact, const std::string& choice,
               const SurroundingProject& around);

std::optional<ProjectStamp> read_stamp(const std::filesystem::path& environment);
// Ignores failures: the next command checks again.
void write_stamp(const std::filesystem::path& environment, const ProjectStamp& stamp) noexcept;

}  // namespace moat
