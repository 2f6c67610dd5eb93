// A script that says itself what it needs (PEP 723).
#pragma once

#include "cli/settings/project_files.h"
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

  std::vector<NamedLine> lines() const;  // its dependencies, and where they stand
};

// `command`: what `moat run` is to run. nullopt where it is not a Python script, or one without a block.
// Error(BadInput) with script and line where the block is wrong.
std::optional<Script> find_script(const std::vector<std::string>& command,
                                  const std::filesystem::path& working_directory);

// What comes on standard input, read to its end: whoever reads there next finds it all again. nullopt also
// where that is a terminal. Error(Disk).
std::optional<Script> script_on_input();

// What the text of a script says; without a block: nothing yet. Error(BadInput).
Script script_of(const std::string& name, const std::filesystem::path& path, const std::string& bytes);

// The lock of a script, beside it: "report.py" has "pylock.report.toml".
std::filesystem::path script_lock_path(const Script& script);

// A file that must have such a block, whatever its name. Error(BadInput).
Script read_script(const std::string& name, const std::filesystem::path& working_directory);

}  // namespace moat
