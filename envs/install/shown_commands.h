// Which environments show commands in ~/.local/bin, and which ones: the user's own environment those of the
// packages asked for by name; an application's (DATA/tools/APP) those of the application itself. Other
// environments show none and are not changed here.
#pragma once

#include "envs/environment/environment.h"
#include "envs/install/command_places.h"
#include "envs/place/transaction.h"

#include <filesystem>
#include <set>
#include <string>

namespace moat {

std::set<std::string> shown_commands(const std::filesystem::path& root, const Manifest& manifest,
                                     const CommandPlaces& places);

// Call this before a change. Error(Refused) if a name is taken, or an application has no command; of packages
// without a wheel, which only dry runs have, neither is known.
void check_commands(const TransactionRequest& request, const std::filesystem::path& root,
                    const CommandPlaces& places);

// Updates the links to the environment's present commands. Returns true if a link was made.
bool show_commands(const Environment& environment, const CommandPlaces& places);

// Links are removed before their targets: called before a change that leaves only these, or none.
void hide_other_commands(const std::set<std::string>& remaining, const std::filesystem::path& root,
                         const CommandPlaces& places);

}  // namespace moat
