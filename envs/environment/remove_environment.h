// Deletes an environment, whatever state it is in.
#pragma once

#include "resolver/base/reporter.h"

#include <filesystem>

namespace moat {

void remove_environment(const std::filesystem::path& root, Reporter& reporter);

}  // namespace moat
