// How a shell is started so that an environment is active in it once the user's own start-up files have been
// read: what they do to PATH and the prompt must not win.
#pragma once

#include "cli/settings/variables.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct ShellStart {
  std::vector<std::string> argv;
  Variables variables;
};

// What is typed in a shell to activate the environment: `source ENV/bin/activate`, or as the shell has it.
std::string activation_command(const std::filesystem::path& shell, const std::filesystem::path& environment);

// `shell`: an absolute path; which shell it is, its name says. `variables`: as for any program run in
// `environment`; a shell that is not known has nothing but these. Makes a file in memory, or a temporary
// folder that the shell removes.
ShellStart shell_start(const std::filesystem::path& shell, const std::filesystem::path& environment,
                       Variables variables);

}  // namespace moat
