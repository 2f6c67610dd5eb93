// `add` and `remove`: pyproject.toml, lock and environment change together, or none of them.
#pragma once

#include "cli/commands/lock.h"
#include "cli/session/changes.h"
#include "cli/session/session.h"
#include "resolver/files/project_edit.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace moat {

// A line of pyproject.toml that came or went: {'+', "flask>=3.1.3", the extra `web`}.
struct ProjectLineChange {
  char sign = '+';
  std::string text;
  RequirementList list;
};

struct ProjectChange {
  ProjectEdit edit;
  std::vector<ProjectLineChange> lines;
  LockCommand how;  // -P, -U
  // Called once versions are known, before anything is written: may edit further, but only in ways that do
  // not change the chosen versions.
  std::function<void(ProjectChange&, const Pylock&)> finish = {};
  bool no_sync = false, dry_run = false;
};

// The lock records its inputs. The lines of `now` have their bounds, and gave the same versions as those of
// `before`.
void renew_inputs(const std::vector<ProjectLineChange>& before, const std::vector<ProjectLineChange>& now,
                  MadeLock& made);

// The pyproject.toml that `add` and `remove` change: the project's, or that of the surrounding member.
std::filesystem::path edited_pyproject(const Settings& settings);

// Its name for messages: relative to the workspace.
std::string shown_pyproject(const Settings& settings);
// From here on that file is treated as if it had this text.
void take_edited_text(std::string text, Session& session);

// The surrounding project, opened for a change. Error(Usage or BadInput) if there is none with a [project]
// table.
ProjectEdit open_project_edit(Session& session);

// Resolves, fetches and builds, then writes, commits and reports.
void change_project(ProjectChange change, Session& session);

}  // namespace moat
