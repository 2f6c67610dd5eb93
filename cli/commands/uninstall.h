// What `moat uninstall` does, apart from what it prints: `moat pip uninstall` says it in pip's words.
#pragma once

#include "cli/args/args.h"
#include "cli/session/changes.h"

namespace moat {

ChangeReport uninstall_packages(const UninstallCommand& command, Session& session);

}  // namespace moat
