// Which environments show commands in ~/.local/bin, and which ones: the user's own environment those of the
// packages asked for by name; an application's (DATA/tools/APP) those of the application itself. Other
// environments show none and are not changed here.
#pragma once

#include "envs/environment/environment.h"
#include "envs/install/command_places.h"
#include "envs/place/transaction.h"

#include <filesystem>
#include <functional>
#include <set>
#include <string>

namespace moat {

std::set<std::string> shown_commands(const std::filesystem::path& root, const Manifest& manifest,
                                     const CommandPlaces& places);

// Call this before a change. Error(Refused) if a name is taken, or an application has no command; of packages
// without a wheel, which only dry runs have, neither is known.
void check_commands(const TransactionRequest& request, const std::filesystem::path& root,
                    const CommandPlaces& places);

// Before a change: marks the environment, whose contents are in `folder`, as one whose links may not fit. So
// whoever looks at it next makes them fit, should this command be killed.
void expect_commands(const std::filesystem::path& folder, const std::filesystem::path& root,
                     const CommandPlaces& places);
// Updates the links to the environment's present commands. Returns true if a link was made.
bool show_commands(const Environment& environment, const CommandPlaces& places);
// The same after a change. If they cannot be shown, `take_back` is called, which has to undo the change; if
// that fails too, the Error says so.
bool show_or_take_back(const Environment& environment, const CommandPlaces& places,
                       const std::function<void()>& take_back);
// After a change that was not made, or taken back: as far as possible, the links that fit what is there.
void show_as_before(const std::filesystem::path& root, const CommandPlaces& places) noexcept;
// For commands that only read: what a killed one left to do.
void finish_showing(const Environment& environment, const CommandPlaces& places) noexcept;

// Links are removed before their targets: called before a change that leaves only these, or none.
void hide_other_commands(const std::set<std::string>& remaining, const std::filesystem::path& root,
                         const CommandPlaces& places);

}  // namespace moat
