// Pythons that moat installed: relocatable builds, one folder each below DATA/pythons.
#pragma once

#include "envs/python/interpreter.h"
#include "fetch/index/python_builds.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct ManagedPython {
  std::string name;  // of its folder: "cpython-3.13.1t", "pypy-3.10-7.3.17"
  std::filesystem::path root;
  std::filesystem::path executable() const;
};

// By name; those still being installed are left out.
std::vector<ManagedPython> managed_pythons(const std::filesystem::path& folder);

// Unpacks the verified archive aside, starts the Python in it, and only then moves it to its place:
// folder/install_name(). Error(BadArchive) if it holds no Python, or another one than its name says. An
// existing Python of this name is left alone.
Interpreter install_python(const PythonBuild& build, const std::filesystem::path& archive,
                           const std::filesystem::path& folder, const Store& store);

}  // namespace moat
