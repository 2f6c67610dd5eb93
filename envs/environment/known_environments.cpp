#include "envs/environment/known_environments.h"

#include "envs/environment/environment.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string>

namespace moat {
namespace {

// A longer file is cut: the register also when no command lists it, the identities to their newer half.
constexpr std::size_t kMostBytes = std::size_t{64} << 10U;

fs::path register_of(const fs::path& data) { return data / "environments"; }

std::set<fs::path> read_register(const std::string& text) {
  std::set<fs::path> out;
  for (const std::string_view line : split_lines(text))
    if (line.starts_with("/")) out.insert(fs::path(line));
  return out;
}

void write_register(const std::set<fs::path>& roots, const fs::path& data) {
  std::string text;
  for (const fs::path& root : roots) text += root.native() + "\n";
  write_file_atomically(register_of(data), text, 0600);
}

fs::path identities_of(const fs::path& data) { return data / "identities"; }

// Inode and birth tell the folder from one that replaced it; the scripts are what a shell would run.
std::string identity_of(const fs::path& root) {
  struct statx facts {};
  if (::statx(AT_FDCWD, root.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &facts) != 0) return "";
  std::string text =
      fmt::format("{} {}.{:09}", facts.stx_ino, facts.stx_btime.tv_sec, facts.stx_btime.tv_nsec);
  for (const char* script : {"activate", "activate.fish"})
    text += "\n" + hash_bytes(read_file_if_exists(root / "bin" / script).value_or("")).hex;
  return hash_bytes(text).hex.substr(0, 32);
}

std::string known_identities(const fs::path& data) {
  return read_file_if_exists(identities_of(data)).value_or("");
}

bool holds_line(std::string_view text, std::string_view line) {
  const auto lines = split_lines(text);
  return std::ranges::find(lines, line) != lines.end();
}

void remember_identity(const fs::path& root, const fs::path& data) {
  const std::string text = known_identities(data), identity = identity_of(root);
  if (identity.empty() || holds_line(text, identity)) return;
  make_directories(data);
  // Drops the older half: a digest does not tell whether its environment still exists.
  if (text.size() > kMostBytes)
    return write_file_atomically(identities_of(data),
                                 text.substr(text.find('\n', text.size() / 2) + 1) + identity + "\n", 0600);
  const UniqueFd file = open_file(identities_of(data), O_WRONLY | O_APPEND | O_CREAT, 0600);
  write_all(file.get(), identity + "\n", identities_of(data));
}

// By the present folders: the register may be outdated.
std::set<fs::path> still_there(std::set<fs::path> roots) {
  std::erase_if(roots, [](const fs::path& root) { return !Environment::exists_at(root); });
  return roots;
}

}  // namespace

void remember_environment(const fs::path& root, const fs::path& data) {
  try {
    remember_identity(root, data);
  } catch (const Error&) {  // the hook does not activate it, then
  }
  if (root.parent_path() == data / "envs" || root.parent_path() == data / "tools" || root == data / "user")
    return;
  try {
    const std::string text = read_file_if_exists(register_of(data)).value_or("");
    std::set<fs::path> roots = read_register(text);
    if (!roots.insert(root).second) return;
    make_directories(data);
    if (text.size() > kMostBytes) return write_register(still_there(std::move(roots)), data);
    const UniqueFd file = open_file(register_of(data), O_WRONLY | O_APPEND | O_CREAT, 0600);
    write_all(file.get(), root.native() + "\n", register_of(data));
  } catch (const Error&) {  // the environment exists nevertheless
  }
}

std::vector<fs::path> remembered_environments(const fs::path& data) {
  const std::set<fs::path> known = read_register(read_file_if_exists(register_of(data)).value_or(""));
  const std::set<fs::path> there = still_there(known);
  try {
    if (there.size() != known.size()) write_register(there, data);
  } catch (const Error&) {
  }
  return {there.begin(), there.end()};
}

bool is_remembered(const fs::path& root, const fs::path& data) {
  const std::string identity = identity_of(root);
  return !identity.empty() && holds_line(known_identities(data), identity);
}

}  // namespace moat
