// Makes bytecode after the command that installed has ended: first in the store, and from there in the
// environment, a few files at a time, in the order in which a program is likely to import them.
//
// This does not change the environment: it places only files that Python itself would write, and rewrites the
// list of bytecode (envs/journal/bytecode_list.h). A file is placed before it is listed, so that a kill
// leaves at worst one that Python checks by itself. The environment's lock is held while files are placed,
// some milliseconds; a change in between wins, and then everything is checked again.
#pragma once

#include "fetch/os/workers.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <functional>
#include <stop_token>

namespace moat {

// Returns false if `may_go_on` stopped it. If the environment is gone, or another one is there, does nothing.
// Error(Disk or Interpreter) on failure.
bool make_bytecode_behind(const std::filesystem::path& environment, Store& store, Workers& workers,
                          const std::function<bool()>& may_go_on);

// Works off the jobs of a store until there are none, `stop` is set, or somebody wants to prune it. `failed`
// gets the reason when a job is given up. Returns false if another process is doing it.
bool work_off_jobs(const std::filesystem::path& store, const std::stop_token& stop,
                   const std::function<void(const Error&)>& failed);

}  // namespace moat
