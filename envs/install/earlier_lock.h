// The contents of the existing lock, so that locking again changes as little as possible: also of a damaged
// one or one with merge conflicts, as far as it can be read.
#pragma once

#include "envs/install/requirement_files.h"
#include "resolver/base/reporter.h"
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
  std::shared_ptr<const Pylock> whole = nullptr;  // the file, if it is a sound lock
  std::vector<std::string> groups;                // as --group, from the lock's folder
};

EarlierLock versions_of(const Pylock& lock);

// `upgrade`: an unreadable lock is skipped with a warning; else Error(BadInput) if nothing in it can be
// read.
EarlierLock earlier_lock(const std::filesystem::path& path, LockForm form, bool upgrade,
                         const FileTerms& terms, Reporter& reporter);

}  // namespace moat
