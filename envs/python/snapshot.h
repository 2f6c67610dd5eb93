// How a runtime is made from a base: which files are taken, left out or changed on the way (docs:
// isolation).
#pragma once

#include "envs/python/interpreter.h"
#include "fetch/os/workers.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace moat {

// One file or link of the base that a runtime takes.
struct SnapshotSource {
  // Size, mtime, ctime (seconds, nanoseconds) and inode: they tell whether it changed.
  using Identity = std::array<std::int64_t, 6>;

  std::string to;      // relative to the runtime's tree
  std::string from;    // the base's file; "" for a link
  std::string target;  // of a link, inside the tree
  Identity identity = {};
};

// Everything a runtime takes, by path: the binary, its library, the standard library without tests, IDLE,
// static libraries, old bytecode and anybody's packages, and the headers. 1 to 2 ms.
std::vector<SnapshotSource> snapshot_sources(const Interpreter& interpreter);
// "3.11.7-0123456789abcdef"; another one whenever a source, the interpreter's facts or the way of copying
// changed.
std::string snapshot_fingerprint(const Interpreter& interpreter, const std::vector<SnapshotSource>& sources);

// Makes the tree (which must not exist) and runs it: Error(Interpreter) if the copy does not start or still
// maps a file of the base. Modules that every start imports are compiled on the way.
void make_snapshot(const Interpreter& interpreter, const std::vector<SnapshotSource>& sources,
                   const std::filesystem::path& tree, Workers& workers);
// Compiles the rest of the standard library in such a tree; skips compiled modules.
void compile_snapshot(const Interpreter& interpreter, const std::filesystem::path& tree, Workers& workers);

// All files of a runtime carry it: they are the same bytes whenever they were made, and bytecode of
// Python 3.6, which knows no other check, stays valid.
inline constexpr std::int64_t kRuntimeMtime = 315619200;  // 1980-01-02

}  // namespace moat
