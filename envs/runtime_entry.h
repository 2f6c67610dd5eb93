// How a runtime comes into the store, once its tree is complete.
#pragma once

#include "envs/runtime.h"
#include "fetch/os/file.h"

#include <string>

namespace moat {

// What lies in work/tree becomes the runtime of this name. `work`: a folder in the store's tmp.
Runtime publish_runtime(const TempDir& work, const Interpreter& interpreter, const std::string& fingerprint,
                        Store& store, Workers& workers);

}  // namespace moat
