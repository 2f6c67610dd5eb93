// The bytecode of an environment's packages (ENV/.moat/bytecode): derived data, so kept apart from the
// manifest. It may be made, listed again and dropped at any time, without a change of the environment.
#pragma once

#include "envs/journal/manifest.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct BytecodeEntry {
  std::string path;    // relative to the environment
  std::string sha256;  // hex; a file with another hash is not ours, and a missing file is not damage
  std::uint64_t size = 0;
  std::string
      owner;  // normalised name of the distribution whose source it was compiled from; "": the runtime's
};

inline constexpr std::string_view kBytecodeList = ".moat/bytecode";

// "…/__pycache__/….pyc": what Python writes, and what is compiled for it.
bool is_bytecode(std::string_view path);

// Canonical, as the manifest's.
std::string format_bytecode_list(const std::vector<BytecodeEntry>& entries);
Expected<std::vector<BytecodeEntry>> parse_bytecode_list(std::string_view text);

// The list in `folder`, an environment or the old files in its history; empty if there is no readable
// list. `manifest` is the one next to it: in format 1 it holds the bytecode itself, which is moved to the
// result.
std::vector<BytecodeEntry> read_bytecode_list(const std::filesystem::path& folder, Manifest& manifest);

}  // namespace moat
