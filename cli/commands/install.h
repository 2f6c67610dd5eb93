// `moat install` without its output: `moat pip install` prints pip's.
#pragma once

#include "cli/args/args.h"
#include "cli/session/changes.h"
#include "cli/session/install_pipeline.h"

#include <functional>
#include <optional>

namespace moat {

// Called with the plan before anything happens; the plan's packages live that long. If it is set, a dry run
// also fetches the wheels, so that they can be examined.
using InstallLook = std::function<void(const Goal&, const InstallPlan&, const TransactionRequest&)>;

// `-r pylock.toml`, as in pip: adds the lock's packages to the environment. nullopt: no lock is named.
// Error(Usage) if anything else is named with it.
std::optional<SyncCommand> as_sync(const InstallCommand& command);

// Only the options that say what to do with the goal apply: upgrades, --no-deps, --dry-run, ….
ChangeReport install_packages(const InstallCommand& command, Goal goal, Session& session,
                              const InstallLook& look = {});

}  // namespace moat
