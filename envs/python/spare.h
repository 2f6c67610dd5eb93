// A copy of a runtime that lies ready in the store: making an environment takes it by renaming one folder,
// instead of writing a thousand files. One a store, of the runtime that was used last; made behind a command,
// never where nothing may go on behind one. Whoever comes first takes it, and everybody else copies.
#pragma once

#include "envs/python/runtime.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <string_view>

namespace moat {

// The spare becomes `to`, which is what materialise() with LinkMode::Auto would have made of it. False where
// there is none of this very runtime, or it cannot be taken: made by another user or with another umask,
// edited, on another file system. `to`: must not exist; its folder does.
bool take_spare(const Runtime& runtime, const std::filesystem::path& to, Workers& workers);

// Is one there for what the store has as this runtime?
bool has_spare(std::string_view fingerprint, const Store& store);

// Makes it, on the disk before it has its name, and removes those of other runtimes. Nothing where the store
// has no such runtime any more. Error(Disk).
void make_spare(std::string_view fingerprint, Store& store, Workers& workers);

}  // namespace moat
