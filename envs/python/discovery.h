// Which interpreters there are, and which one a SPEC means.
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
  std::string pyenv_version;                // PYENV_VERSION, or "": what pyenv's shims are to run
  std::filesystem::path working_directory;  // .python-version is looked for upwards from here
};

// "3.12", ">=3.10", "cpython@3.13", "python3.11": what a file that came from elsewhere may ask for. Paths,
// and names of other programs, would run what is found there.
bool names_version(std::string_view spec);

// Does a SPEC of that kind mean this Python? Of one that is known by its facts alone.
bool spec_admits(std::string_view spec, std::string_view implementation, const Version& version,
                 bool free_threaded);

// Where several meet the SPEC: the `python3` of PATH if it does, else the newest.
// "3.12", ">=3.10", "cpython@3.13", "pypy@3.10", "python3.11", a path. Error(NoInterpreter) lists what was
// found; a path that does not start is Error(Interpreter).
Interpreter find_interpreter(std::string_view spec, const DiscoveryOptions& options, const Store& store);
// Does any?
bool is_here(std::string_view spec, const DiscoveryOptions& options, const Store& store);
// What the .python-version that counts in this folder says; nothing where there is none.
std::vector<std::string> pinned_specs(const std::filesystem::path& folder);
// Is this Python what SPEC means? A path or program means the version and implementation that it has.
bool meets_spec(const Interpreter& interpreter, std::string_view spec, const DiscoveryOptions& options,
                const Store& store);
// None named: .python-version upwards; `requires_python`; the first python3 on PATH that starts; the newest
// found. A file that lists several versions means the first that is here and that `requires_python` admits;
// Error(NoInterpreter) where the two contradict each other.
Interpreter default_interpreter(const DiscoveryOptions& options, const Store& store,
                                const std::optional<SpecifierSet>& requires_python = std::nullopt);
// All that start, newest first, each base once.
std::vector<Interpreter> list_interpreters(const DiscoveryOptions& options, const Store& store);

}  // namespace moat
