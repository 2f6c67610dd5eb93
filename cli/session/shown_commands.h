// Which environments show commands in ~/.local/bin, and which ones: the user's own environment those of the
// packages asked for by name; an application's (DATA/tools/APP) those of the application itself. Other
// environments show none and are not changed here.
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

// Call this before a change. Error(Refused) if a name is taken, or an application has no command.
void check_commands(const TransactionRequest& request, const std::filesystem::path& root,
                    const Settings& settings);

// Updates the links to the environment's present commands. Returns true if a link was made.
bool show_commands(const Environment& environment, const Settings& settings);
// The same for the first time; also says how to add ~/.local/bin to PATH if it is missing.
void show_new_commands(const Environment& environment, Session& session);

// Links are removed before their targets: called before a change that leaves only these, or none.
void hide_other_commands(const std::set<std::string>& remaining, const std::filesystem::path& root,
                         const Settings& settings);

}  // namespace moat
