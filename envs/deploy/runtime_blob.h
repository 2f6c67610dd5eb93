// A runtime for machines that have no Python: a tar+gzip with the same bytes each time it is
// written.
//
//   facts.json    the interpreter (envs/python/interpreter.h)
//   links.json    symbolic links of the tree: path → target
//   tree/…        its files
#pragma once

#include "envs/deploy/blob_archive.h"
#include "envs/python/runtime.h"
#include "fetch/os/process.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace moat {

// Writes a file that is not there yet.
void write_runtime_blob(const Runtime& runtime, const std::filesystem::path& file);

// The runtime as it is on this machine, from the store or unpacked into it. `version`: of the expected
// Python; `sha256`: of the blob, which `pass` has verified when it returns. Error(BadArchive) if it is not a
// runtime, Error(NoSolution) if it does not start here.
Runtime obtain_bundled_runtime(const std::string& version, const Digest& sha256, const PassBlob& pass,
                               Store& store, Workers& workers);

// The same, but not unpacked where the store does not have it: for one environment, which it is placed in
// straight from the blob. Nobody has looked whether it starts. nullopt: it has to be unpacked to be judged.
std::optional<Runtime> open_bundled_runtime(const std::string& version, const Digest& sha256,
                                            const PassBlob& pass, Store& store, Workers& workers);

// Starts a Python that nobody may have started yet, without site and without the caller's variables, for half
// a minute at most.
ProcessResult try_python(const std::filesystem::path& python, const std::filesystem::path& directory = {});

// Error(NoSolution): it does not start on this machine; `output` is what it said.
[[noreturn]] void refuse_bundled_runtime(const std::string& version, std::string_view output);

// Is it unpacked already, so that no blob is needed?
bool has_bundled_runtime(const std::string& version, const Digest& sha256, const Store& store);

}  // namespace moat
