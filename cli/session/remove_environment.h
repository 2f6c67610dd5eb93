// Deletes an environment, whatever state it is in.
#pragma once

#include "cli/session/session.h"

#include <filesystem>

namespace moat {

void remove_environment(const std::filesystem::path& root, Session& session);

}  // namespace moat
