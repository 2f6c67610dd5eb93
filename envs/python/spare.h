// A copy of a runtime that is kept ready in the store: making an environment takes it by renaming one folder,
// instead of writing a thousand files. One per store, of the runtime used last; made in the background, and
// not where background work is off. The first command takes it, all others copy.
#pragma once

#include "envs/python/runtime.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <string_view>

namespace moat {

// The spare becomes `to`, with the result that materialise() with LinkMode::Auto would have. Returns false if
// the runtime has no spare, or if the spare cannot be taken: made by another user or with another umask,
// edited, on another file system. `to`: must not exist; its folder does.
bool take_spare(const Runtime& runtime, const std::filesystem::path& to, Workers& workers);

// Does it match the runtime in the store?
bool has_spare(std::string_view fingerprint, const Store& store);

// Makes it, synced to disk before it gets its name, and removes those of other runtimes. Does nothing if the
// store no longer has such a runtime. Error(Disk).
void make_spare(std::string_view fingerprint, Store& store, Workers& workers);

}  // namespace moat
