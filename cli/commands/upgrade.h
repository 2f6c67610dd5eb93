// `moat upgrade` without its output: `moat tool upgrade` does it for several environments.
#pragma once

#include "cli/args/args.h"
#include "cli/session/changes.h"

namespace moat {

ChangeReport upgrade_packages(const UpgradeCommand& command, Session& session);

}  // namespace moat
