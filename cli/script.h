// A script that says itself what it needs (PEP 723), as `moat run` is given it.
#pragma once

#include "resolver/script_metadata.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct Script {
  std::string name;            // as typed
  std::filesystem::path path;  // absolute
  ScriptMetadata metadata;
};

// `command`: what `moat run` is to run. nullopt where it is no Python script, or one without a block.
// Error(BadInput) with script and line where the block is wrong.
std::optional<Script> find_script(const std::vector<std::string>& command,
                                  const std::filesystem::path& working_directory);

}  // namespace moat
