// Internals of envs/environment that repairing an environment needs as well (envs/place/repair.h).
#pragma once

#include "envs/environment/environment.h"
#include "envs/python/runtime.h"

#include <filesystem>
#include <map>
#include <string>

namespace moat {

// pyvenv.cfg: keys in lower case, as Python reads them.
std::map<std::string, std::string> read_venv_settings(const std::filesystem::path& file);

// A complete new environment in `folder`, including its manifest, that will be moved to `root`.
void stage_environment(const std::filesystem::path& folder, const std::filesystem::path& root,
                       const CreateOptions& options, const Runtime& runtime, Workers& workers);

}  // namespace moat
