#include "envs/install/shown_commands.h"

#include "envs/install/user_links.h"
#include "envs/place/wheel_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <string_view>

namespace moat {
namespace {

enum class Shows { Nothing, WhatWasAskedFor, TheApplication };

// Environments know their real path; the home folder may be a link.
fs::path real(const fs::path& path) {
  std::error_code error;
  fs::path out = fs::weakly_canonical(path, error);
  return error ? path : out;
}

Shows what_shows(const fs::path& root, const CommandPlaces& places) {
  if (real(root) == real(places.user_env)) return Shows::WhatWasAskedFor;
  return real(root).parent_path() == real(places.tools_dir) ? Shows::TheApplication : Shows::Nothing;
}

UserLinks links_of(const fs::path& root, const CommandPlaces& places) {
  return {places.bin_dir, real(places.data_dir), real(root)};
}

// There while the links may not fit the environment.
constexpr std::string_view kMark = ".moat/links";

std::string why_no_command(const WantedPackage& application, const TransactionRequest& request) {
  for (const WantedPackage& other : request.install) {
    if (!has_wheel(other)) continue;
    if (const std::set<std::string> commands = commands_of(other.wheel); !commands.empty())
      return fmt::format("`moat tool install {} --with {}` installs {}, which it needs and which has `{}`",
                         other.name.normalized(), application.name.normalized(), other.name.display(),
                         *commands.begin());
  }
  return fmt::format("`moat install {}` installs it into an environment, for imports",
                     application.name.normalized());
}

}  // namespace

std::set<std::string> shown_commands(const fs::path& root, const Manifest& manifest,
                                     const CommandPlaces& places) {
  switch (what_shows(root, places)) {
    case Shows::WhatWasAskedFor:
      return requested_commands(manifest);
    case Shows::TheApplication:
      return package_commands(manifest, root.filename().native());
    case Shows::Nothing:
      break;
  }
  return {};
}

void check_commands(const TransactionRequest& request, const fs::path& root, const CommandPlaces& places) {
  const Shows shows = what_shows(root, places);
  if (shows == Shows::Nothing) return;
  std::set<std::string> commands;
  for (const WantedPackage& wanted : request.install) {
    if (!has_wheel(wanted)) continue;
    const bool is_application = wanted.name.normalized() == root.filename().native();
    if (shows == Shows::TheApplication ? !is_application : !wanted.requested) continue;
    commands.merge(commands_of(wanted.wheel));
    if (shows == Shows::TheApplication && commands.empty())
      throw Error(ErrorKind::Refused,
                  fmt::format("{} {} has no command", wanted.name.display(), wanted.version.to_string()),
                  {why_no_command(wanted, request)});
  }
  check_names_are_free(commands, links_of(root, places));
}

void expect_commands(const fs::path& folder, const fs::path& root, const CommandPlaces& places) {
  if (what_shows(root, places) != Shows::Nothing)
    static_cast<void>(open_file(folder / kMark, O_WRONLY | O_CREAT));
}

bool show_commands(const Environment& environment, const CommandPlaces& places) {
  if (what_shows(environment.root(), places) == Shows::Nothing) return false;
  const bool placed = set_links(shown_commands(environment.root(), environment.manifest(), places),
                                links_of(environment.root(), places));
  ::unlink((environment.root() / kMark).c_str());
  return placed;
}

void finish_showing(const Environment& environment, const CommandPlaces& places) noexcept {
  try {
    if (::access((environment.root() / kMark).c_str(), F_OK) == 0) show_commands(environment, places);
  } catch (const std::exception&) {  // the next one does it, then
  }
}

void show_as_before(const fs::path& root, const CommandPlaces& places) noexcept {
  try {
    if (Environment::exists_at(root))
      show_commands(Environment::open(root), places);
    else
      hide_other_commands({}, root, places);
  } catch (const std::exception&) {  // links that lead nowhere, or the next command does it
  }
}

bool show_or_take_back(const Environment& environment, const CommandPlaces& places,
                       const std::function<void()>& take_back) {
  try {
    return show_commands(environment, places);
  } catch (const Error& error) {
    try {
      take_back();
    } catch (const Error& second) {
      throw Error(error.kind(), fmt::format("{}; and it cannot be undone: {}", error.what(), second.what()),
                  {fmt::format("remove the cause; the next moat command on {} shows its commands",
                               environment.root().native())});
    }
    show_as_before(environment.root(), places);
    throw Error(error.kind(), fmt::format("{}; nothing has changed", error.what()), error.hints());
  }
}

void hide_other_commands(const std::set<std::string>& remaining, const fs::path& root,
                         const CommandPlaces& places) {
  if (what_shows(root, places) != Shows::Nothing) set_links(remaining, links_of(root, places));
}

}  // namespace moat
