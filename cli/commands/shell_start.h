// Starts a shell so that an environment is active after the user's own start-up files have been read: their
// changes to PATH and the prompt must not win.
#pragma once

#include "fetch/os/variables.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct ShellStart {
  std::vector<std::string> argv;
  Variables variables;
};

// The command that activates the environment: `source ENV/bin/activate`, or the shell's equivalent.
std::string activation_command(const std::filesystem::path& shell, const std::filesystem::path& environment);

// `shell`: an absolute path; its name tells which shell it is. `variables`: as for any program run in
// `environment`; an unknown shell gets nothing else. Makes a file in memory, or a temporary folder that the
// shell removes.
ShellStart shell_start(const std::filesystem::path& shell, const std::filesystem::path& environment,
                       Variables variables);

}  // namespace moat
