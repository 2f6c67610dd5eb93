// Pythons that can be downloaded: the builds of the mirror (`python-mirror`: a folder or URL that holds
// relocatable builds and their SHA256SUMS), and their installation in DATA/pythons.
#pragma once

#include "cli/session/session.h"
#include "fetch/index/python_builds.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

// Those that run on this machine, newest version first.
std::vector<PythonBuild> offered_pythons(Session& session);

struct InstalledPython {
  Interpreter interpreter;
  std::string name;  // "cpython-3.13.1"
  bool was_there = false;
};
// The newest that matches SPEC. Error(Usage) if SPEC names no version; Error(NoInterpreter) if the mirror has
// none, listing what it has.
InstalledPython install_python(const std::string& spec, Session& session);

// For a SPEC that no installed Python matches: installs one if the setting `python-downloads` allows it,
// perhaps after asking at the terminal. nullopt if it does not, or nobody can be asked.
std::optional<Interpreter> offer_python(const std::string& spec, Session& session);

}  // namespace moat
