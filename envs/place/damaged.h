// Installed packages whose .dist-info is missing or unreadable: the manifest knows them, so they can be
// reinstalled and removed like others.
#pragma once

#include "envs/environment/environment.h"
#include "envs/environment/installed.h"
#include "envs/place/owned_files.h"

#include <filesystem>

namespace moat {

// Adds the packages of the manifest that have no readable .dist-info, but files in the environment; without
// RECORD. A package that another installer removed has no files, and is not added.
void add_damaged(InstalledDistributions& installed, const Manifest& manifest,
                 const std::filesystem::path& root);

// What is installed, the damaged included. REQUIRES: not foreign.
InstalledDistributions read_installed(const Environment& environment);

// Adds the files that moat placed for this package and that RECORD does not list.
void add_placed_files(OwnedFiles& owned, const InstalledDistribution& distribution, const Manifest& manifest);

}  // namespace moat
