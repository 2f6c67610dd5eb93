// .pyc files: compiled once per wheel and interpreter, in the store, checked-hash (PEP 552), in parallel.
#pragma once

#include "envs/runtime.h"
#include "fetch/store.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// Bytecode of one wheel for one interpreter: files relative to the wheel's root, e.g.
// "foo/__pycache__/bar.cpython-311.pyc"; files that do not compile are left out.
struct StoredBytecode {
  std::filesystem::path tree;
  std::vector<StoredFile> files;
};

// From the store, or compiled now by worker processes of the runtime's own Python (several wheels in one
// process, as many processes as cores; fixed path prefix and PYTHONHASHSEED=0, so that bytes repeat). In the
// order given.
std::vector<StoredBytecode> obtain_bytecode(const std::vector<StoredWheel>& wheels, const Runtime& runtime,
                                            Store& store, Workers& workers, Reporter& reporter);

}  // namespace moat
