#include "cli/user_links.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

namespace moat {
namespace {

bool begins_with(const fs::path& path, const fs::path& folder) {
  const auto [in_folder, in_path] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return in_folder == folder.end();
}

bool is_ours(const fs::path& link, const UserLinks& links) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  return !error && begins_with(target.lexically_normal(), links.data_dir.lexically_normal());
}

bool is_free(const fs::path& path, const UserLinks& links) {
  std::error_code error;
  return fs::symlink_status(path, error).type() == fs::file_type::not_found || is_ours(path, links);
}

// Names before `=` in [console_scripts] and [gui_scripts].
void add_entry_points(const std::string& text, std::set<std::string>& names) {
  bool scripts = false;
  for (const std::string_view line : split_lines(text)) {
    const std::string_view bare = trim(line);
    if (bare.empty() || bare.front() == '#' || bare.front() == ';') continue;
    if (bare.front() == '[') {
      scripts = bare == "[console_scripts]" || bare == "[gui_scripts]";
    } else if (const std::size_t equals = bare.find('='); scripts && equals != std::string_view::npos) {
      names.emplace(trim(bare.substr(0, equals)));
    }
  }
}

}  // namespace

std::set<std::string> commands_of(const StoredWheel& wheel) {
  std::set<std::string> names;
  if (const auto text = read_file_if_exists(wheel.tree / wheel.dist_info / "entry_points.txt"))
    add_entry_points(*text, names);
  for (const StoredFile& file : wheel.files) {
    const std::vector<std::string_view> parts = split(file.path, '/');
    if (parts.size() == 3 && parts[1] == "scripts" && parts[0].size() > 5 &&
        parts[0].substr(parts[0].size() - 5) == ".data")
      names.emplace(parts[2]);
  }
  return names;
}

std::set<std::string> requested_commands(const Manifest& manifest) {
  std::set<std::string> requested, commands;
  for (const ManifestPackage& package : manifest.packages)
    if (package.requested) requested.insert(package.name);
  for (const ManifestEntry& entry : manifest.entries)
    if (entry.path.substr(0, 4) == "bin/" && entry.path.find('/', 4) == std::string::npos &&
        requested.count(entry.owner) != 0)
      commands.insert(entry.path.substr(4));
  return commands;
}

void check_names_are_free(const std::set<std::string>& commands, const UserLinks& links) {
  for (const std::string& command : commands) {
    const fs::path place = links.bin_dir / command;
    if (!is_free(place, links))
      throw Error(ErrorKind::Refused,
                  fmt::format("the command {} would replace {}, which moat did not make", quote(command),
                              quote(place.native())),
                  {fmt::format("`mv {0} {0}.old` frees the name", place.native())});
  }
}

bool set_links(const std::set<std::string>& commands, const Environment& environment,
               const UserLinks& links) {
  bool placed = false;
  std::error_code error;
  const fs::path bin = environment.root() / "bin";
  for (const fs::directory_entry& entry : fs::directory_iterator(links.bin_dir, error)) {
    const std::string name = entry.path().filename().native();
    if (commands.count(name) == 0 && entry.is_symlink(error) &&
        fs::read_symlink(entry.path(), error).parent_path() == bin)
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
    rename_over(aside, place);
    placed = true;
  }
  return placed;
}

}  // namespace moat
