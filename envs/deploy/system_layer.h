// What an environment needs of the system below it, for an image from nothing: the dynamic loader, the C
// library, what else its files are linked to, certificates, time zones, and who there is.
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

// The closure of every ELF file in the folder over this machine's libraries. What the folder itself holds, by
// a run path or by its name, is not needed of the system.
NeededLibraries needed_libraries(const std::filesystem::path& folder);

// `user`: "1000", "1000:1000"; "": root alone.
ImageLayer system_layer(const NeededLibraries& libraries, const std::string& user);

}  // namespace moat
