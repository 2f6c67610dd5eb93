// Repairs an environment: its own files (runtime, launchers, facts, settings, manifest) come from the store,
// or from the base again. Its packages are repaired by reinstalling them.
#pragma once

#include "envs/environment/environment.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace moat {

// As one change, if there is something to repair; returns the paths of the restored files. A lost manifest is
// rebuilt from the RECORDs and the history. An unfinished change that goes neither way is given up first.
// Error(Refused) if nothing tells any more what the environment was made from.
std::vector<std::string> repair_own_files(const std::filesystem::path& root, Store& store, Workers& workers,
                                          Reporter& reporter, Durable durable);

// The packages with a file, apart from bytecode, that is not as it was placed.
std::set<std::string> damaged_packages(const Environment& environment, Workers& workers);

// Removes bytecode that is not as it was placed, and returns its paths: Python makes it again.
std::vector<std::string> remove_changed_bytecode(const Environment& environment);

}  // namespace moat
