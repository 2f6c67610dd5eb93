// A wheel's bytecode for machines that must not compile: a tar+gzip of the store's entry.
#pragma once

#include "envs/deploy/blob_archive.h"
#include "envs/place/bytecode.h"
#include "envs/python/interpreter.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <string_view>

namespace moat {

// Writes a file that does not exist yet. The same bytecode gives the same bytes.
void write_bytecode_blob(const StoredBytecode& bytecode, const std::filesystem::path& file);

// The bytecode from the store, or unpacked into it, separate from bytecode compiled here: only the bundle
// vouches for it, so no other environment may use it. Error(BadArchive) for files that are not checked
// against their source, are for another Python, or belong to no module of the wheel.
StoredBytecode obtain_bundled_bytecode(const StoredWheel& wheel, const Interpreter& interpreter,
                                       const Digest& sha256, const PassBlob& pass, Store& store);

// The same, but not unpacked where the store does not have it: for one environment, which it is placed in
// straight from the blob.
StoredBytecode open_bundled_bytecode(const StoredWheel& wheel, const Interpreter& interpreter,
                                     const Digest& sha256, const PassBlob& pass, Store& store);

// Is it unpacked already, so that no blob is needed? `key`: see bytecode_key().
bool has_bundled_bytecode(const Digest& wheel, std::string_view key, const Digest& sha256,
                          const Store& store);

}  // namespace moat
