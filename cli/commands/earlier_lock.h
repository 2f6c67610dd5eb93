// What the lock that is there says, so that locking again changes as little as may be: also one that git
// could not merge, or that is damaged, as far as it can be read.
#pragma once

#include "cli/session/session.h"
#include "resolver/lock/lockfile.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moat {

enum class LockForm { Pylock, Requirements };

struct EarlierLock {
  std::optional<std::string> text;          // of the file; nullopt: there is none
  std::map<PackageName, Version> versions;  // the newest of several
  std::optional<Pylock> pylock;
  std::shared_ptr<const Pylock> whole = nullptr;  // the file, where it is a sound lock
  std::vector<std::string> groups;                // as --group, from the lock's folder
};

EarlierLock versions_of(const Pylock& lock);

// `upgrade`: a lock that cannot be read is passed over, with a warning; else Error(BadInput) where nothing of
// it can be read.
EarlierLock earlier_lock(const std::filesystem::path& path, LockForm form, bool upgrade, Session& session);

}  // namespace moat
