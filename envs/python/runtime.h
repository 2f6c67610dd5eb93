// Runtime: a sanitised, relocatable snapshot of one base interpreter in the store (docs: isolation).
#pragma once

#include "envs/python/compile.h"
#include "envs/python/interpreter.h"
#include "fetch/archive/packed_files.h"
#include "fetch/os/workers.h"
#include "fetch/store/link.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace moat {

struct Runtime {
  std::string fingerprint;        // of the base: 16 hex digits and the version, "3.11.7-0123456789abcdef"
  std::filesystem::path tree;     // STORE/runtimes/<fingerprint>/tree: bin, lib, include
  std::vector<StoredFile> files;  // sorted by path; symbolic links are listed apart
  std::vector<std::pair<std::string, std::string>> links;  // path, target (relative, inside the tree)
  std::shared_ptr<const PackedFiles> packed = {};          // if set: there is no tree, and they lie in there
  std::filesystem::path pack;   // the files in one (runtime_pack.h); "" where there is none
  std::filesystem::path spare;  // where a copy may lie ready (spare.h)
  Interpreter interpreter;      // facts of the base
  bool is_compiled = true;      // its standard library; else only what every start needs
};

// Where things lie in a runtime's tree, relative to it.
struct RuntimeLayout {
  std::string python;     // bin/python3.11, bin/pypy3.9: the private binary; python, python3 are links to it
  std::string stdlib;     // lib/python3.11
  std::string libraries;  // lib: libpython and what else the base carries
  std::string libpython;  // lib/libpython3.11.so.1.0, or ""
  std::string include;    // include/python3.11
};
// Error(Interpreter) for a base whose standard library is not below its prefix.
RuntimeLayout runtime_layout(const Interpreter& interpreter);

// From the store, or made now (once per base: 2 to 6 seconds, phase "snapshot"). Chosen by a walk of the
// base's stdlib (size, mtime, ctime, inode), so that a changed base gives another snapshot. Compile::Now: its
// standard library is compiled; otherwise it is taken as stored, or made without compiling (0.5 to 3 seconds
// less).
Runtime obtain_runtime(const Interpreter& interpreter, Store& store, Workers& workers, Reporter& reporter,
                       Compile compile = Compile::Now);
// The one an environment was made from; nullopt when the store no longer has it.
std::optional<Runtime> find_runtime(std::string_view fingerprint, const Store& store);
// The same runtime with its standard library compiled, which replaces the uncompiled one in one step: the
// same files and more.
std::optional<Runtime> complete_runtime(std::string_view fingerprint, Store& store, Workers& workers);

// The whole tree into `to` (must not exist).
void materialise(const Runtime& runtime, const std::filesystem::path& to, LinkMode mode, Workers& workers);

}  // namespace moat
