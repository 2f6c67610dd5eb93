// Pythons that can be downloaded: the relocatable builds that a mirror holds, with their SHA256SUMS.
#pragma once

#include "envs/python/interpreter.h"
#include "fetch/index/python_builds.h"
#include "fetch/store/tools.h"
#include "resolver/base/url.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace moat {

struct PythonMirror {
  Url url;                       // a folder or a server's
  std::filesystem::path folder;  // where Pythons are installed
  // Called only when needed: a list in a folder needs neither, a list from a server needs no store.
  std::function<HttpClient&()> client;
  std::function<Tools()> tools;
};

// Those that run on this machine, newest version first.
std::vector<PythonBuild> offered_pythons(const PythonMirror& mirror);

// Of those, newest first, the first that matches SPEC; CPython unless another is asked for. nullptr: none.
const PythonBuild* newest_build(const std::vector<PythonBuild>& builds, const std::string& spec);

struct InstalledPython {
  Interpreter interpreter;
  std::string name;  // "cpython-3.13.1"
  bool was_there = false;
};
InstalledPython install_python(const PythonBuild& build, const PythonMirror& mirror);
// The newest that matches SPEC. Error(Usage) if SPEC names no version; Error(NoInterpreter) if the mirror has
// none, listing what it has.
InstalledPython install_python(const std::string& spec, const PythonMirror& mirror);

}  // namespace moat
