// `moat uninstall` without its output: `moat pip uninstall` prints pip's.
#pragma once

#include "cli/args/args.h"
#include "cli/session/changes.h"

namespace moat {

ChangeReport uninstall_packages(const UninstallCommand& command, Session& session);

}  // namespace moat
