// What `moat sync` does for a project: the lock follows pyproject.toml, and the environment the lock. `run`,
// `add`, `remove` and `upgrade` do the same.
#pragma once

#include "cli/args/args.h"
#include "cli/commands/lock.h"
#include "cli/session/changes.h"
#include "cli/session/session.h"
#include "fetch/os/folder_lock.h"
#include "fetch/os/staged_files.h"
#include "resolver/lock/lockfile.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

// Others that would change the project wait meanwhile. From here on pyproject.toml is what it is now: whoever
// was waited for may have changed it.
FolderLock lock_project(Session& session);

// Is what is around here a project, with requirements and perhaps a package of its own?
bool is_in_project(Session& session);

// The lock of the project as it should be; nothing is written. Error(Refused) where `locked` is set and the
// one that is there is not up to date. `has_changed`: pyproject.toml is being edited, so that there is no
// need to find out whether the lock is up to date with it.
MadeLock project_lock(const SyncCommand& command, Session& session, LockCommand how = {},
                      const Pylock* kept = nullptr, bool has_changed = false);

// The environment becomes what the lock says, and `files` (the lock, pyproject.toml) are placed with it.
ChangeReport sync_project(const SyncCommand& command, const MadeLock& lock, StagedFiles& files,
                          Session& session);

// What of a lock is meant.
struct LockChoice {
  std::set<ExtraName> extras;
  std::optional<std::set<GroupName>> groups;  // all that count; nullopt: the lock's default ones

  std::set<GroupName> all_groups(const Pylock& lock) const;
};
LockChoice choice_of(const SyncCommand& command);
// In a project the default groups are there unless they are left out. A lock that knows no groups has them
// all anyway.
LockChoice choice_of_project(const SyncCommand& command, const Pylock& lock, const Settings& settings);

// The lock that was named, else the project's. Error(Usage) where there is none, or where it is another
// user's.
std::filesystem::path lock_path(const std::optional<std::string>& named, const Settings& settings);
// Error(BadInput) where there is none, or none that can be read.
Pylock read_pylock(const std::filesystem::path& path, Session& session);
// The environment becomes what a lock that was named says. REQUIRES: command.lock, or no project around.
ChangeReport sync_named_lock(const SyncCommand& command, Session& session);
// All of it, where anything is to be done; nullopt: the environment is up to date, which was known by reading
// the project's files once.
std::optional<ChangeReport> update_project(const SyncCommand& command, Session& session);

}  // namespace moat
