// `moat sync` for a project: updates the lock from pyproject.toml, and the environment from the lock. `run`,
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

// Other commands that would change the project wait meanwhile. From here on pyproject.toml is as it is now: a
// command that held the lock may have changed it.
FolderLock lock_project(Session& session);

// Is there a project around, with requirements and perhaps a package of its own?
bool is_in_project(const Settings& settings);

// The lock of the project as it should be; writes nothing. Error(Refused) if `locked` is set and the existing
// lock is not up to date.
MadeLock project_lock(const SyncCommand& command, Session& session, LockCommand how = {},
                      const Pylock* kept = nullptr, bool has_changed = false);

// Makes the environment match the lock; `files` (the lock, pyproject.toml) are placed with it.
ChangeReport sync_project(const SyncCommand& command, const MadeLock& lock, StagedFiles& files,
                          Session& session);

// The selected part of a lock.
struct LockChoice {
  std::set<ExtraName> extras;
  std::optional<std::set<GroupName>> groups;  // the selected ones; nullopt: the lock's default ones

  std::set<GroupName> all_groups(const Pylock& lock) const;
};
LockChoice choice_of(const SyncCommand& command);
// In a project the default groups are installed unless they are left out. A lock without groups always has
// them.
LockChoice choice_of_project(const SyncCommand& command, const Pylock& lock, const Settings& settings);

// The named lock, else the project's. Error(Usage) if there is none, or if it belongs to another
// user.
std::filesystem::path lock_path(const std::optional<std::string>& named, const Settings& settings);
// Error(BadInput) if it is missing or unreadable.
Pylock read_pylock(const std::filesystem::path& path, Reporter& reporter);
// Makes the environment match a named lock. REQUIRES: command.lock, or no project around.
ChangeReport sync_named_lock(const SyncCommand& command, Session& session);
// All of it, if there is anything to do; nullopt: the environment is up to date, which was known by reading
// the project's files once.
std::optional<ChangeReport> update_project(const SyncCommand& command, Session& session);

}  // namespace moat
