// How a runtime comes into the store, once its tree is complete, and out of it.
#pragma once

#include "envs/python/runtime.h"
#include "fetch/os/file.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// What lies in work/tree becomes the runtime of this name. `work`: a folder in the store's tmp.
Runtime publish_runtime(const TempDir& work, const Interpreter& interpreter, const std::string& fingerprint,
                        Store& store, Workers& workers);

// Is each of these files in the tree still what was put in? By size and time: all files of a runtime have the
// same.
bool looks_whole(const std::filesystem::path& tree, const std::vector<StoredFile>& files, Workers& workers);

// Out of the way of a new one. Another process may have done so already.
void drop_damaged_runtime(std::string_view fingerprint, Store& store);

}  // namespace moat
