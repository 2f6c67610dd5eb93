// Bytecode that is made after the command that installed: into the store first, and from there into the
// environment, a few files at a time, in the order in which a program is likely to import them.
//
// This does not change the environment: only files that Python itself would write are placed, and the list of
// bytecode (envs/journal/bytecode_list.h) is written again. A file is placed before it is listed, so that a
// kill leaves at worst one that Python checks by itself. The environment's lock is held while files are
// placed, some milliseconds; a change that comes in between wins, and everything is looked at again.
#pragma once

#include "fetch/os/workers.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <functional>
#include <stop_token>

namespace moat {

// False: `may_go_on` said no before the end. Where the environment is gone, or is another one's, there is
// nothing to do. Error(Disk or Interpreter) where it cannot be done.
bool make_bytecode_behind(const std::filesystem::path& environment, Store& store, Workers& workers,
                          const std::function<bool()>& may_go_on);

// Works the jobs of a store off until there are none, `stop`, or somebody wants to prune it. `failed` is told
// why one was given up. False where another process does it.
bool work_off_jobs(const std::filesystem::path& store, const std::stop_token& stop,
                   const std::function<void(const Error&)>& failed);

}  // namespace moat
