// Pythons that are not here yet: what the mirror offers (`python-mirror`: a folder or URL that holds
// relocatable builds and their SHA256SUMS), and how one comes into DATA/pythons.
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
// The newest that SPEC means. Error(Usage) where SPEC names no version; Error(NoInterpreter) where the mirror
// has none, with what it has.
InstalledPython install_python(const std::string& spec, Session& session);

// For a SPEC that no Python here meets: as the setting `python-downloads` has it, installed, after asking
// whoever is at the terminal. nullopt where it is not, or nobody can be asked.
std::optional<Interpreter> offer_python(const std::string& spec, Session& session);

}  // namespace moat
