// `moat lock` without writing and reporting: `add`, `sync` and `run` of a project do these themselves,
// together with the environment.
#pragma once

#include "cli/args/args.h"
#include "cli/session/session.h"
#include "envs/project/script.h"
#include "resolver/lock/lock_document.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct MadeLock {
  std::filesystem::path path;
  LockDocument lock;
  std::string text;                   // of the file, of either format
  std::optional<std::string> before;  // the present contents; nullopt: there is no file
  std::shared_ptr<const Pylock> was =
      nullptr;  // … parsed; nullptr: there is no sound lock, or it does not differ
  bool differs = false;
};

// Resolves; writes nothing. `kept`: versions to keep where possible, instead of those of the existing
// lock.
// `script`: as its file will be, for --script.
MadeLock make_lock(const LockCommand& command, Session& session, const Pylock* kept = nullptr,
                   const Script* script = nullptr);

// Differences from pyproject.toml, found without resolving: "requirements: + flask"; empty: none. nullopt:
// only resolving can tell, for a lock that does not record its inputs.
std::optional<std::vector<std::string>> lock_faults(const LockCommand& command, Session& session);

// "+ flask 3.1.0", "- six 1.16", "~ jinja2 3.1.2 → 3.1.4": the changes to the existing lock; none if there is
// no readable one.
std::vector<std::string> lock_changes(const MadeLock& made);

}  // namespace moat
