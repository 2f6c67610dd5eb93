// Lists the interpreters of this machine, and chooses the one a SPEC means.
#pragma once

#include "envs/python/interpreter.h"
#include "resolver/pep/specifier.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct DiscoveryOptions {
  std::string path;                         // the PATH variable
  std::filesystem::path home;               // for ~/.pyenv
  std::filesystem::path managed;            // where `moat python install` puts them, or ""
  std::filesystem::path pyenv_root;         // PYENV_ROOT, or ""
  std::string pyenv_version;                // PYENV_VERSION, or "": the version that pyenv's shims run
  std::filesystem::path working_directory;  // .python-version is looked for upwards from here
};

// "3.12", ">=3.10", "cpython@3.13", "python3.11": the SPECs that a downloaded file may use. Paths, and names
// of other programs, would run whatever is found there.
bool names_version(std::string_view spec);

// Does a SPEC of that kind mean this Python? For one that is known only by its facts.
bool spec_admits(std::string_view spec, std::string_view implementation, const Version& version,
                 bool free_threaded);

// If several match the SPEC: the `python3` of PATH if it does, else the newest. "3.12", ">=3.10",
// "cpython@3.13", "pypy@3.10", "python3.11", a path. Error(NoInterpreter) lists those found; a path that does
// not start is Error(Interpreter).
Interpreter find_interpreter(std::string_view spec, const DiscoveryOptions& options, const Store& store);
// Does any?
bool is_here(std::string_view spec, const DiscoveryOptions& options, const Store& store);
// The contents of the .python-version that applies in this folder; empty if there is none.
std::vector<std::string> pinned_specs(const std::filesystem::path& folder);
// Does SPEC mean this Python? A path or program stands for its version and implementation.
bool meets_spec(const Interpreter& interpreter, std::string_view spec, const DiscoveryOptions& options,
                const Store& store);
// Without a SPEC: .python-version upwards; `requires_python`; the first python3 on PATH that starts; the
// newest found. A file that lists several versions means the first installed one that `requires_python`
// admits; Error(NoInterpreter) if the two contradict each other.
Interpreter default_interpreter(const DiscoveryOptions& options, const Store& store,
                                const std::optional<SpecifierSet>& requires_python = std::nullopt);
// All that start, newest first, each base once.
std::vector<Interpreter> list_interpreters(const DiscoveryOptions& options, const Store& store);

}  // namespace moat
