// Commands of the user environment, shown in ~/.local/bin: links into it, one for each command of a package
// that was asked for by name. A file there that is not such a link is never touched.
#pragma once

#include "envs/environment.h"
#include "envs/transaction.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct UserLinks {
  std::filesystem::path bin_dir;   // ~/.local/bin
  std::filesystem::path data_dir;  // a link into it is ours
};

// Commands that a wheel brings: its entry points and scripts.
std::set<std::string> commands_of(const StoredWheel& wheel);
// Commands of all packages asked for by name, by the manifest.
std::set<std::string> requested_commands(const Manifest& manifest);

// Error(Refused) naming the first file that is in the way of one of these.
void check_names_are_free(const std::set<std::string>& commands, const UserLinks& links);

// Makes the links equal to `commands`, whatever was there of ours: after a change, and by every later command
// that comes by (a crash between change and links is mended so). True: something was placed.
bool set_links(const std::set<std::string>& commands, const Environment& environment, const UserLinks& links);

}  // namespace moat
