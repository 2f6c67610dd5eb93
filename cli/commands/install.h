// What `moat install` does, apart from what it prints: `moat pip install` says it in pip's words.
#pragma once

#include "cli/args/args.h"
#include "cli/session/changes.h"
#include "cli/session/install_pipeline.h"

#include <functional>
#include <optional>

namespace moat {

// Shown what is going to happen before anything does; the plan's packages live that long. With one, a dry run
// has the wheels fetched as well, so that there is something to look at.
using InstallLook = std::function<void(const Goal&, const InstallPlan&, const TransactionRequest&)>;

// `-r pylock.toml`, as pip has it: what the lock says joins what is there. nullopt: no lock is named.
// Error(Usage) where something else is named beside it.
std::optional<SyncCommand> as_sync(const InstallCommand& command);

// Of the command, what is to be done with the goal counts here: upgrades, --no-deps, --dry-run, ….
ChangeReport install_packages(const InstallCommand& command, Goal goal, Session& session,
                              const InstallLook& look = {});

}  // namespace moat
