// Bytecode that a command leaves to a process behind it.
#pragma once

#include "cli/session/session.h"

#include <filesystem>

namespace moat {

// Environments that lack bytecode get it, unless nothing may go on after this command: they are queued, and
// who works the queue off is started. At the end of a command, which may say so in one line.
void make_bytecode_later(const Session& session);

// Is that queued, or under way?
bool is_bytecode_pending(const std::filesystem::path& environment, const Settings& settings);

}  // namespace moat
