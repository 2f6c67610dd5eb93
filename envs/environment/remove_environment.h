// Deletes an environment, whatever state it is in.
#pragma once

#include "resolver/base/reporter.h"

#include <filesystem>

namespace moat {

void remove_environment(const std::filesystem::path& root, Reporter& reporter);

// Takes back an environment that this command made: one rename, which works where the disk refuses all else;
// what cannot be deleted then is swept by the next command there. Throws Error(Disk) where it stays.
void take_back_environment(const std::filesystem::path& root);

}  // namespace moat
