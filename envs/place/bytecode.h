// .pyc files: compiled once per wheel and interpreter, in the store, checked-hash (PEP 552), in parallel.
#pragma once

#include "envs/python/runtime.h"
#include "fetch/archive/packed_files.h"
#include "fetch/store/store.h"

#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moat {

// Bytecode of one wheel for one interpreter: files relative to the wheel's root, e.g.
// "foo/__pycache__/bar.cpython-311.pyc"; files that do not compile are left out.
struct StoredBytecode {
  std::filesystem::path tree;
  std::vector<StoredFile> files;
  std::shared_ptr<const PackedFiles> packed = {};  // if set: there is no tree, and they lie in there
};

// From the store, or compiled now by worker processes of the runtime's own Python (several wheels in one
// process, as many processes as cores; fixed path prefix and PYTHONHASHSEED=0, so that bytes repeat). In the
// order given.
std::vector<StoredBytecode> obtain_bytecode(const std::vector<StoredWheel>& wheels, const Runtime& runtime,
                                            Store& store, Workers& workers, Reporter& reporter);

// Only what the store has; nullopt where it has none, and some could be made.
std::optional<StoredBytecode> find_bytecode(const StoredWheel& wheel, const Runtime& runtime, Store& store);

// The Pythons that bytecode is for: "cpython-311-a70d0d0a".
std::string bytecode_key(const Interpreter& interpreter);
// Can it be one? Keys of bundles are anybody's, and become parts of paths.
bool is_bytecode_key(std::string_view text);
// The sources in a wheel that are compiled, by the path of their bytecode.
std::map<std::string, const StoredFile*> sources_by_bytecode(const StoredWheel& wheel,
                                                             const Interpreter& interpreter);
// The store's bytecode under a key.
std::optional<StoredBytecode> find_bytecode(const StoredWheel& wheel, const std::string& key, Store& store);
// `path`: relative to the wheel; the file gets the time of its source.
StoredFile describe_bytecode(const std::filesystem::path& file, std::string path, const StoredFile& source);
// Stores exactly these files of folder/tree as the bytecode of the wheel under a key.
StoredBytecode publish_bytecode(const TempDir& folder, const StoredWheel& wheel, const std::string& key,
                                std::vector<StoredFile> files, Store& store);

// A source of a wheel, and the bytecode that is made of it.
struct SourceToCompile {
  std::size_t wheel = 0;  // as added, from 0
  const StoredFile* source = nullptr;
  StoredFile bytecode = {};  // its path; the rest once it is compiled
  bool compiled = false;
};

// The same in steps, for callers that need some of it first. Nothing is in the store before publish().
class Compilation {
 public:
  Compilation(const Runtime& runtime, Store& store);

  // Before 3.7 Python knew only .pyc with times, and writes its own on the first import.
  static bool is_possible(const Interpreter& interpreter);
  std::optional<StoredBytecode> find(const StoredWheel& wheel) const;

  // REQUIRES: the wheel outlives this.
  void add(const StoredWheel& wheel);
  std::deque<SourceToCompile>& sources() { return sources_; }
  // Throws Error(Interpreter) where the Python does not start.
  void compile(std::span<SourceToCompile* const> sources, Workers& workers) const;
  // Of one that is compiled.
  std::filesystem::path path_of(const SourceToCompile& source) const;
  // Every wheel's, in the order of add().
  std::vector<StoredBytecode> publish(Workers& workers) const;

 private:
  struct Entry {
    const StoredWheel* wheel;
    TempDir folder;
  };
  void compile_share(std::vector<SourceToCompile*> left, const std::filesystem::path& directory) const;

  const Runtime& runtime_;
  Store& store_;
  const std::string key_;
  std::vector<Entry> entries_;
  std::deque<SourceToCompile> sources_;
};

}  // namespace moat
