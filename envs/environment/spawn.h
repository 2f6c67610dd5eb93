// The program that `moat run CMD` starts, and its variables: pure except for looking at files.
#pragma once

#include "fetch/os/variables.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moat {

// Which kind of program a file is, by its first bytes.
enum class ProgramKind {
  Other,          // a program that belongs to no Python
  ForeignPython,  // a script tied to one Python, or a Python itself
};
// `path`: as found; links are followed. A script is tied to a Python by a first line with an absolute path to
// one, by the `exec` trampolines of installers, or by being a shim of pyenv. `#!/usr/bin/env python` is tied
// to none.
ProgramKind program_kind(const std::filesystem::path& path);

struct Program {
  std::vector<std::string> argv;  // argv[0]: absolute path
};
struct ProgramRefused {
  std::filesystem::path path;
};
struct ProgramNotFound {};

// Searches the environment's bin first; then a path; then PATH, unless `pure`. `script.py` is run by the
// environment's python.
std::variant<Program, ProgramRefused, ProgramNotFound> find_command(
    const std::vector<std::string>& command, const std::filesystem::path& environment,
    const std::filesystem::path& working_directory, const std::string& path_variable, bool pure);

// The environment's bin first on PATH, VIRTUAL_ENV set, the bin of another active environment gone;
// PYTHONHOME gone; with `pure` also all PYTHON* and PIP_*, and the rest of PATH.
Variables program_variables(const Variables& variables, const std::filesystem::path& environment, bool pure);

// PATH without this folder ("": without none) and without empty entries.
std::string path_without(const std::string& path, const std::string& folder);

}  // namespace moat
