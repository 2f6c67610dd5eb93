// A script that declares its requirements (PEP 723).
#pragma once

#include "envs/project/project_files.h"
#include "resolver/files/script_metadata.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct Script {
  std::string name;            // as typed
  std::filesystem::path path;  // absolute
  ScriptMetadata metadata;

  std::vector<NamedLine> lines() const;  // its dependencies, with their lines
};

// `command`: the command of `moat run`. nullopt if it is not a Python script, or has no block.
// Error(BadInput) with script and line if the block is invalid.
std::optional<Script> find_script(const std::vector<std::string>& command,
                                  const std::filesystem::path& working_directory);

// Standard input, read to its end: later readers find all of it again. nullopt also if it is a terminal.
// Error(Disk).
std::optional<Script> script_on_input();

// Parses the text of a script; empty without a block. Error(BadInput).
Script script_of(const std::string& name, const std::filesystem::path& path, const std::string& bytes);

// The lock of a script, beside it: "report.py" has "pylock.report.toml".
std::filesystem::path script_lock_path(const Script& script);

// A file that must have such a block, whatever its name. Error(BadInput).
Script read_script(const std::string& name, const std::filesystem::path& working_directory);

}  // namespace moat
