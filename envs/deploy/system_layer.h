// The parts of the system that an environment needs in an image from nothing: the dynamic loader, the C
// library, other linked libraries, certificates, time zones, and user names.
#pragma once

#include "envs/deploy/image.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct NeededLibraries {
  std::map<std::string, std::filesystem::path> found;  // path in the image → file of this machine
  std::map<std::string, std::string> missing;  // name → path in the environment of one that needs it
};

// All libraries of this machine that the ELF files in the folder need, directly or not. Libraries that the
// folder itself holds, by run path or by name, are not taken from the system.
NeededLibraries needed_libraries(const std::filesystem::path& folder);

// `user`: "1000", "1000:1000"; "": root alone.
ImageLayer system_layer(const NeededLibraries& libraries, const std::string& user);

}  // namespace moat
