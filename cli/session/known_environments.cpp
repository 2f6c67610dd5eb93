#include "cli/session/known_environments.h"

#include "envs/environment/environment.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>

#include <set>
#include <string>

namespace moat {
namespace {

// Beyond this number, deleted ones are forgotten even if nobody lists them.
constexpr std::size_t kMostBytes = std::size_t{64} << 10U;

fs::path register_of(const Settings& settings) { return settings.data_dir / "environments"; }

std::set<fs::path> read_register(const std::string& text) {
  std::set<fs::path> out;
  for (const std::string_view line : split_lines(text))
    if (line.starts_with("/")) out.insert(fs::path(line));
  return out;
}

void write_register(const std::set<fs::path>& roots, const Settings& settings) {
  std::string text;
  for (const fs::path& root : roots) text += root.native() + "\n";
  write_file_atomically(register_of(settings), text, 0600);
}

// By the present folders: the register may be outdated.
std::set<fs::path> still_there(std::set<fs::path> roots) {
  std::erase_if(roots, [](const fs::path& root) { return !Environment::exists_at(root); });
  return roots;
}

}  // namespace

void remember_environment(const fs::path& root, const Settings& settings) {
  if (root.parent_path() == settings.envs_dir() || root.parent_path() == settings.tools_dir() ||
      root == settings.user_env())
    return;
  try {
    const std::string text = read_file_if_exists(register_of(settings)).value_or("");
    std::set<fs::path> roots = read_register(text);
    if (!roots.insert(root).second) return;
    make_directories(settings.data_dir);
    if (text.size() > kMostBytes) return write_register(still_there(std::move(roots)), settings);
    const UniqueFd file = open_file(register_of(settings), O_WRONLY | O_APPEND | O_CREAT, 0600);
    write_all(file.get(), root.native() + "\n", register_of(settings));
  } catch (const Error&) {  // the environment exists nevertheless
  }
}

std::vector<fs::path> remembered_environments(const Settings& settings) {
  const std::set<fs::path> known = read_register(read_file_if_exists(register_of(settings)).value_or(""));
  const std::set<fs::path> there = still_there(known);
  try {
    if (there.size() != known.size()) write_register(there, settings);
  } catch (const Error&) {
  }
  return {there.begin(), there.end()};
}

}  // namespace moat
