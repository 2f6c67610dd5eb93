// Mending an environment: what is its own (runtime, launchers, facts, settings, manifest) comes from the
// store, or from the base again. Its packages are mended by reinstalling them.
#pragma once

#include "envs/environment/environment.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace moat {

// As one change, where there is something to mend; the paths of the files that came again. A manifest that is
// lost is made from the RECORDs and the history. An unfinished change that goes neither way is given up
// first. Error(Refused) where nobody knows what the environment was made from any more.
std::vector<std::string> repair_own_files(const std::filesystem::path& root, Store& store, Workers& workers,
                                          Reporter& reporter, Durable durable);

// The packages of which a file is not what was placed. What of their bytecode is damaged is removed: Python
// makes it again.
std::set<std::string> damaged_packages(const Environment& environment, Workers& workers);

}  // namespace moat
