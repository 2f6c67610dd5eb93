// Bytecode that a command leaves to a background process.
#pragma once

#include "cli/session/session.h"

#include <filesystem>

namespace moat {

// Environments that lack bytecode get it, unless background work is off: they are queued, and the worker is
// started. At the end of a command, which may mention it in one line.
void make_bytecode_later(const Session& session);

// Is it queued, or in progress?
bool is_bytecode_pending(const std::filesystem::path& environment, const Settings& settings);

}  // namespace moat
