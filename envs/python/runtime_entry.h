// How a runtime is added to the store, once its tree is complete, and removed from it.
#pragma once

#include "envs/python/runtime.h"
#include "fetch/os/file.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// The tree in work/tree becomes the runtime of this name. `work`: a folder in the store's tmp.
Runtime publish_runtime(const TempDir& work, const Interpreter& interpreter, const std::string& fingerprint,
                        Store& store, Workers& workers);

// Is each of these files in the tree unchanged since it was stored? By size and time: all files of a runtime
// have the same time.
bool looks_whole(const std::filesystem::path& tree, const std::vector<StoredFile>& files, Workers& workers);

// Makes room for a new one. Another process may have done so already.
void drop_damaged_runtime(std::string_view fingerprint, Store& store);

}  // namespace moat
