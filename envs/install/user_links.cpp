#include "envs/install/user_links.h"

#include "envs/environment/scripts.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>

namespace moat {
namespace {

bool begins_with(const fs::path& path, const fs::path& folder) {
  const auto [in_folder, in_path] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return in_folder == folder.end();
}

// The target of a link in ~/.local/bin, as written; "" if it is not a link.
fs::path target_of(const fs::path& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  return error ? fs::path() : target.lexically_normal();
}

bool is_moats(const fs::path& target, const UserLinks& links) {
  return begins_with(target, links.data_dir.lexically_normal());
}

bool is_own(const fs::path& target, const UserLinks& links) {
  return target.parent_path() == links.environment.lexically_normal() / "bin";
}

// A dangling link of moat's belongs to something that was removed.
bool is_free(const fs::path& path, const UserLinks& links) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return true;
  const fs::path target = target_of(path);
  return is_moats(target, links) && (is_own(target, links) || !fs::exists(target, error));
}

// "`http` is already a command of the application `httpie`", and how to remove it.
[[noreturn]] void throw_taken(const std::string& command, const fs::path& place, const UserLinks& links) {
  const fs::path target = target_of(place);
  const fs::path owner = target.parent_path().parent_path();
  if (!is_moats(target, links))
    throw Error(ErrorKind::Refused,
                fmt::format("the command {} would replace {}, which moat did not make", quote(command),
                            quote(place.native())),
                {fmt::format("`mv {0} {0}.old` frees the name", place.native())});
  if (owner.parent_path() == links.data_dir.lexically_normal() / "tools")
    throw Error(ErrorKind::Refused,
                fmt::format("{} is already a command of the application {}", quote(command),
                            quote(owner.filename().native())),
                {fmt::format("`moat tool uninstall {}` frees the name", owner.filename().native())});
  throw Error(ErrorKind::Refused,
              fmt::format("{} is already a command of what is installed with --user", quote(command)),
              {fmt::format("`moat which --user {}` says which package it belongs to, `moat uninstall --user "
                           "PACKAGE` removes it",
                           command)});
}

}  // namespace

std::set<std::string> commands_of(const StoredWheel& wheel) {
  std::set<std::string> names;
  // A malformed one is refused when it is installed, with the reason.
  if (const auto text = read_file_if_exists(wheel.tree / wheel.dist_info / "entry_points.txt"))
    if (const auto entry_points = parse_script_entry_points(*text))
      for (const EntryPoint& entry_point : *entry_points) names.insert(entry_point.name);
  for (const StoredFile& file : wheel.files) {
    const std::vector<std::string_view> parts = split(file.path, '/');
    if (parts.size() == 3 && parts[1] == "scripts" && parts[0].size() > 5 &&
        parts[0].substr(parts[0].size() - 5) == ".data")
      names.emplace(parts[2]);
  }
  return names;
}

namespace {

std::set<std::string> commands_owned_by(const std::set<std::string, std::less<>>& owners,
                                        const Manifest& manifest) {
  std::set<std::string> commands;
  for (const ManifestEntry& entry : manifest.entries)
    if (entry.path.starts_with("bin/") && entry.path.find('/', 4) == std::string::npos &&
        owners.contains(entry.owner))
      commands.insert(entry.path.substr(4));
  return commands;
}

}  // namespace

std::set<std::string> requested_commands(const Manifest& manifest) {
  std::set<std::string, std::less<>> requested;
  for (const ManifestPackage& package : manifest.packages)
    if (package.requested) requested.insert(package.name);
  return commands_owned_by(requested, manifest);
}

std::set<std::string> package_commands(const Manifest& manifest, std::string_view name) {
  return commands_owned_by({std::string(name)}, manifest);
}

void check_names_are_free(const std::set<std::string>& commands, const UserLinks& links) {
  for (const std::string& command : commands)
    if (const fs::path place = links.bin_dir / command; !is_free(place, links))
      throw_taken(command, place, links);
}

bool set_links(const std::set<std::string>& commands, const UserLinks& links) {
  bool placed = false;
  std::error_code error;
  const fs::path bin = links.environment / "bin";
  for (const fs::directory_entry& entry : fs::directory_iterator(links.bin_dir, error)) {
    const std::string name = entry.path().filename().native();
    if (!commands.contains(name) && entry.is_symlink(error) && is_own(target_of(entry.path()), links))
      fs::remove(entry.path(), error);
  }
  for (const std::string& command : commands) {
    const fs::path place = links.bin_dir / command;
    const fs::path target = bin / command;
    if (fs::read_symlink(place, error) == target && !error) continue;
    if (!is_free(place, links)) continue;  // appeared since it was checked
    make_directories(links.bin_dir);
    const fs::path aside = links.bin_dir / fmt::format(".moat-{}-{}", getpid(), command);
    if (::symlink(target.c_str(), aside.c_str()) != 0) throw_errno("make the link", aside, errno);
    try {
      rename_over(aside, place);
    } catch (const Error&) {
      ::unlink(aside.c_str());
      throw;
    }
    placed = true;
  }
  return placed;
}

}  // namespace moat
