#include "cli/session/shown_commands.h"

#include "envs/install/user_links.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

enum class Shows { Nothing, WhatWasAskedFor, TheApplication };

// Environments know their real path; the home folder may be a link.
fs::path real(const fs::path& path) {
  std::error_code error;
  fs::path out = fs::weakly_canonical(path, error);
  return error ? path : out;
}

Shows what_shows(const fs::path& root, const Settings& settings) {
  if (real(root) == real(settings.user_env())) return Shows::WhatWasAskedFor;
  return real(root).parent_path() == real(settings.tools_dir()) ? Shows::TheApplication : Shows::Nothing;
}

UserLinks links_of(const fs::path& root, const Settings& settings) {
  return {settings.bin_dir, real(settings.data_dir), real(root)};
}

std::string why_no_command(const WantedPackage& application, const TransactionRequest& request) {
  for (const WantedPackage& other : request.install)
    if (const std::set<std::string> commands = commands_of(other.wheel); !commands.empty())
      return fmt::format("`moat tool install {} --with {}` installs {}, which it needs and which has `{}`",
                         other.name.normalized(), application.name.normalized(), other.name.display(),
                         *commands.begin());
  return fmt::format("`moat install {}` installs it into an environment, for imports",
                     application.name.normalized());
}

}  // namespace

std::set<std::string> shown_commands(const fs::path& root, const Manifest& manifest,
                                     const Settings& settings) {
  switch (what_shows(root, settings)) {
    case Shows::WhatWasAskedFor:
      return requested_commands(manifest);
    case Shows::TheApplication:
      return package_commands(manifest, root.filename().native());
    case Shows::Nothing:
      break;
  }
  return {};
}

void check_commands(const TransactionRequest& request, const fs::path& root, const Settings& settings) {
  const Shows shows = what_shows(root, settings);
  if (shows == Shows::Nothing) return;
  std::set<std::string> commands;
  for (const WantedPackage& wanted : request.install) {
    const bool is_application = wanted.name.normalized() == root.filename().native();
    if (shows == Shows::TheApplication ? !is_application : !wanted.requested) continue;
    commands.merge(commands_of(wanted.wheel));
    if (shows == Shows::TheApplication && commands.empty())
      throw Error(ErrorKind::Refused,
                  fmt::format("{} {} has no command", wanted.name.display(), wanted.version.to_string()),
                  {why_no_command(wanted, request)});
  }
  check_names_are_free(commands, links_of(root, settings));
}

bool show_commands(const Environment& environment, const Settings& settings) {
  if (what_shows(environment.root(), settings) == Shows::Nothing) return false;
  return set_links(shown_commands(environment.root(), environment.manifest(), settings),
                   links_of(environment.root(), settings));
}

void show_new_commands(const Environment& environment, Session& session) {
  const Settings& settings = session.settings();
  const bool placed = show_commands(environment, settings);
  const std::string path = variable(settings.variables, "PATH");
  const std::vector<std::string_view> folders = split(path, ':');
  if (placed && std::find(folders.begin(), folders.end(), settings.bin_dir.native()) == folders.end())
    session.output().warn(
        fmt::format("{0} is not on PATH; this line in ~/.profile adds it: export PATH=\"{0}:$PATH\"",
                    settings.bin_dir.native()));
}

void hide_other_commands(const std::set<std::string>& remaining, const fs::path& root,
                         const Settings& settings) {
  if (what_shows(root, settings) != Shows::Nothing) set_links(remaining, links_of(root, settings));
}

}  // namespace moat
