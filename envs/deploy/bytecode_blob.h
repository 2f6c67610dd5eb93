// A wheel's bytecode on its way to where nothing is to be compiled: a tar+gzip of what the store has of it.
#pragma once

#include "envs/deploy/blob_archive.h"
#include "envs/place/bytecode.h"
#include "envs/python/interpreter.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <string_view>

namespace moat {

// Writes a file that is not there yet. The same bytecode gives the same bytes.
void write_bytecode_blob(const StoredBytecode& bytecode, const std::filesystem::path& file);

// From the store, or unpacked into it, apart from what is compiled here: the bundle alone vouches for it, so
// no other environment is to run it. Error(BadArchive) for what is not checked by its source, is for another
// Python, or belongs to no module of the wheel.
StoredBytecode obtain_bundled_bytecode(const StoredWheel& wheel, const Interpreter& interpreter,
                                       const Digest& sha256, const PassBlob& pass, Store& store);

// Is it unpacked already, so that no blob is needed? `key`: as bytecode_key() gives it.
bool has_bundled_bytecode(const Digest& wheel, std::string_view key, const Digest& sha256,
                          const Store& store);

}  // namespace moat
