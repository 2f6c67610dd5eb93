// What `moat lock` works out, apart from writing and telling it: `add`, `sync` and `run` of a project do that
// themselves, together with the environment.
#pragma once

#include "cli/args.h"
#include "cli/session.h"
#include "resolver/lockfile.h"

#include <filesystem>
#include <string>

namespace moat {

struct MadeLock {
  std::filesystem::path path;
  Pylock lock;
  std::string text;    // of the file
  std::string before;  // what the file holds now; "" where there is none
  bool differs = false;
};

// Resolves; writes nothing.
MadeLock make_lock(const LockCommand& command, Session& session);

}  // namespace moat
