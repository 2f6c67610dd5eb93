// What `moat lock` works out, apart from writing and telling it: `add`, `sync` and `run` of a project do that
// themselves, together with the environment.
#pragma once

#include "cli/args/args.h"
#include "cli/session/session.h"
#include "cli/settings/script.h"
#include "resolver/lock/lockfile.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct MadeLock {
  std::filesystem::path path;
  Pylock lock;
  std::string text;                   // of the file
  std::optional<std::string> before;  // what the file holds now; nullopt: there is none
  std::shared_ptr<const Pylock> was =
      nullptr;  // … read; nullptr: there is no sound one, or it does not differ
  bool differs = false;
};

// Resolves; writes nothing. `kept`: whose versions are kept where they may be, instead of those of the lock
// that is there.
// `script`: as its file will be, for --script.
MadeLock make_lock(const LockCommand& command, Session& session, const Pylock* kept = nullptr,
                   const Script* script = nullptr);

// What is not as pyproject.toml says, found without resolving: "requirements: + flask"; empty: nothing.
// nullopt: only resolving tells, for a lock that does not say what it was made from.
std::optional<std::vector<std::string>> lock_faults(const LockCommand& command, Session& session);

// "+ flask 3.1.0", "- six 1.16", "~ jinja2 3.1.2 → 3.1.4": what the lock changes of the one that is there;
// nothing where there is none, or none that can be read.
std::vector<std::string> lock_changes(const MadeLock& made);

}  // namespace moat
