// Commands of an environment, shown in ~/.local/bin as links into it. Other files there, and commands of
// other environments, are never touched.
#pragma once

#include "envs/environment/environment.h"
#include "envs/place/transaction.h"

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct UserLinks {
  std::filesystem::path bin_dir;      // ~/.local/bin
  std::filesystem::path data_dir;     // a link into it is moat's
  std::filesystem::path environment;  // and one into this is its own
};

// Commands that a wheel installs: its entry points and scripts.
std::set<std::string> commands_of(const StoredWheel& wheel);
// Commands of all packages asked for by name, by the manifest.
std::set<std::string> requested_commands(const Manifest& manifest);
// Commands of one package; `name`: normalised.
std::set<std::string> package_commands(const Manifest& manifest, std::string_view name);

// Error(Refused) naming the first file, or other environment, that already has one of these names.
void check_names_are_free(const std::set<std::string>& commands, const UserLinks& links);

// Makes the links into the environment match `commands`: after a change, and in every later command (which
// repairs a crash between change and links). Returns true if a link was made.
bool set_links(const std::set<std::string>& commands, const UserLinks& links);

}  // namespace moat
