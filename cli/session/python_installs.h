// Pythons that can be downloaded (envs/python/python_mirror.h), from the mirror of the settings
// (`python-mirror`: a folder or URL) into DATA/pythons.
#pragma once

#include "cli/session/session.h"
#include "envs/python/python_mirror.h"

#include <optional>
#include <string>

namespace moat {

// As the settings name it. Keeps a reference.
PythonMirror python_mirror(Session& session);

// For a SPEC that no installed Python matches: installs one if the setting `python-downloads` allows it,
// perhaps after asking at the terminal. nullopt if it does not, or nobody can be asked.
std::optional<Interpreter> offer_python(const std::string& spec, Session& session);

}  // namespace moat
