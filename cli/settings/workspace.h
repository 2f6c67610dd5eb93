// Workspaces: several projects below one folder, with one lock and one environment in that folder.
//
//   [tool.moat.workspace]
//   members = ["packages/*", "tools/build"]
//   exclude = ["packages/old"]
//
// `*` and `?` are those of file names. A member that another one requires is meant by its name, wherever it
// lies; `{ workspace = true }` in [tool.moat.sources] says so, and is an error where there is no such member.
#pragma once

#include "cli/settings/project_files.h"
#include "resolver/files/toml.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct Settings;

struct WorkspaceMember {
  std::filesystem::path folder;
  PackageName name;
  std::optional<Version> version;  // nullopt: the build backend says it
};

// What the pyproject.toml of a folder says, read; the folders are sorted, those without a pyproject.toml left
// out. Error(BadInput) where a pattern leads outside. nullopt: not a workspace.
std::optional<std::vector<std::filesystem::path>> member_folders(const TomlTable& pyproject,
                                                                 const std::filesystem::path& folder);

// The root of the workspace that the project in this folder is a member of: its pyproject.toml, found
// upwards.
std::optional<std::filesystem::path> workspace_root(const std::filesystem::path& member);

// The folders of the members of the workspace around, without the root's.
std::vector<std::filesystem::path> workspace_folders(const Settings& settings);

// Those of the project around, by name, its root among them where that has a [project]; empty: there is no
// workspace. Error(BadInput) where two have one name, one has none, or one that is named without wildcards is
// not there.
std::vector<WorkspaceMember> workspace_members(const Settings& settings);
// Error(Usage) where no member has this name.
const WorkspaceMember& find_member(const std::vector<WorkspaceMember>& members, const std::string& name);

// The lines of one of them, without those that name members: in their place what the extras ask for that are
// wanted of these. Error(BadInput) where one asks for itself, for a version that the member has not, or for a
// member that does not exist. `met`: gets the members that are named, also by extras of these.
std::vector<NamedLine> without_members(const std::vector<NamedLine>& lines, const WorkspaceMember* of,
                                       const std::vector<WorkspaceMember>& members, const Settings& settings,
                                       const AskBackend& ask, std::set<PackageName>* met = nullptr);

// [project], or what the backend says, of the root and all members.
ProjectFacts read_workspace(const Settings& settings, const AskBackend& ask);
ProjectChoices read_workspace_choices(const Settings& settings, const AskBackend& ask);
// What of it is installed: the packages among the root and the members.
std::vector<OwnPackage> own_packages(const Settings& settings);

}  // namespace moat
