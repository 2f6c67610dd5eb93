// Workspaces: several projects below one folder, with one lock and one environment in that folder.
//
//   [tool.moat.workspace]
//   members = ["packages/*", "tools/build"]
//   exclude = ["packages/old"]
//
// `*` and `?` match as in file names. If a member requires another one, its name means that member, wherever
// it is; `{ workspace = true }` in [tool.moat.sources] says so, and is an error if there is no such member.
#pragma once

#include "envs/project/project_files.h"
#include "resolver/files/toml.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct WorkspaceMember {
  std::filesystem::path folder;
  PackageName name;
  std::optional<Version> version;  // nullopt: the build backend says it
};

// Parses the workspace in a folder's pyproject.toml; the folders are sorted, without those that have no
// pyproject.toml. Error(BadInput) if a pattern leads outside. nullopt: not a workspace.
std::optional<std::vector<std::filesystem::path>> member_folders(const TomlTable& pyproject,
                                                                 const std::filesystem::path& folder);

// The root of the workspace that the project in this folder is a member of: its pyproject.toml, found
// upwards.
std::optional<std::filesystem::path> workspace_root(const std::filesystem::path& member);

// The folders of the members of the workspace around, without the root's.
std::vector<std::filesystem::path> workspace_folders(const SurroundingProject& around);

// The members of the surrounding workspace, by name, its root included if that has a [project]; empty: there
// is no workspace. Error(BadInput) if two have one name, one has none, or one that is named without wildcards
// does not exist.
std::vector<WorkspaceMember> workspace_members(const SurroundingProject& around);
// Error(Usage) where no member has this name.
const WorkspaceMember& find_member(const std::vector<WorkspaceMember>& members, const std::string& name);

// The lines of one of them, with lines that name members replaced by the requirements of the extras asked
// for. Error(BadInput) if one asks for itself, for a version that the member does not have, or for an unknown
// member. `met`: receives the named members, also those named by their extras.
std::vector<NamedLine> without_members(const std::vector<NamedLine>& lines, const WorkspaceMember* of,
                                       const std::vector<WorkspaceMember>& members,
                                       const SurroundingProject& around, const AskBackend& ask,
                                       std::set<PackageName>* met = nullptr);

// A member, the members it requires, and the names of everything else that these ask for.
struct MemberNeeds {
  std::set<std::filesystem::path> folders;
  std::set<PackageName> names;
};
// With these extras and groups of its own. Error(Usage) where no member has this name.
MemberNeeds needs_of_member(const std::string& name, const std::set<ExtraName>& extras,
                            const std::set<GroupName>& groups, const SurroundingProject& around,
                            const AskBackend& ask);

// [project], or the backend's metadata, of the root and all members.
ProjectFacts read_workspace(const SurroundingProject& around, const AskBackend& ask);
ProjectChoices read_workspace_choices(const SurroundingProject& around, const AskBackend& ask);
// The installed packages: the root and the members that are packages.
std::vector<OwnPackage> own_packages(const SurroundingProject& around);

}  // namespace moat
