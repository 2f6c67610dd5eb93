// Which environments show commands in ~/.local/bin, and which ones: the user's own those of the packages that
// were asked for by name; an application's (DATA/tools/APP) those of the application itself. Any other
// environment shows none, and nothing here does anything to it.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/environment.h"
#include "envs/place/transaction.h"

#include <filesystem>
#include <set>
#include <string>

namespace moat {

std::set<std::string> shown_commands(const std::filesystem::path& root, const Manifest& manifest,
                                     const Settings& settings);

// Before a change. Error(Refused) where a name is taken, or an application has no command.
void check_commands(const TransactionRequest& request, const std::filesystem::path& root,
                    const Settings& settings);

// Makes the links those of the environment as it is now. True: something was placed.
bool show_commands(const Environment& environment, const Settings& settings);
// The same for the first time, which says how to make ~/.local/bin count where it is not on PATH.
void show_new_commands(const Environment& environment, Session& session);

// Links go before what they point to: before a change that leaves only these, or none.
void hide_other_commands(const std::set<std::string>& remaining, const std::filesystem::path& root,
                         const Settings& settings);

}  // namespace moat
