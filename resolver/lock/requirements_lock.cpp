#include "resolver/lock/requirements_lock.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace moat {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kHead = "# Pinned by moat; every file of a release may be used.";
constexpr std::string_view kHeadOfCommented =
    "# Pinned by moat; hashes are in comments, as pip takes none beside folders and commits.";
constexpr std::string_view kGroups = "# Groups: ";
constexpr std::string_view kCommentedHash = "    # --hash=";

// Characters that have no special meaning in a line.
bool is_plain(std::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    return is_ascii_alnum(c) || std::string_view("-_./+").find(c) != std::string_view::npos;
  });
}

// A path as pip and uv accept it: bare, and relative to the directory they run in; else a URL after the name.
std::string local_line(const std::string& name, const std::string& path, const std::string& subdirectory,
                       const fs::path& lock_directory) {
  if (subdirectory.empty() && is_plain(path))
    return path.starts_with('.') || path.starts_with('/') ? path : "./" + path;
  return fmt::format("{} @ {}", name,
                     Url::from_path((lock_directory / path).lexically_normal().native()).to_string());
}

std::string direct_line(const std::string& name, const DirectSource& source, const fs::path& lock_directory) {
  const std::string& subdirectory = source.subdirectory;
  std::string out;
  switch (source.kind) {
    case DirectSourceKind::Archive:
      out = source.archive.url.empty() ? local_line(name, source.archive.path, subdirectory, lock_directory)
                                       : fmt::format("{} @ {}", name, source.archive.url);
      break;
    case DirectSourceKind::Directory:
      out = local_line(name, source.path, subdirectory, lock_directory);
      break;
    case DirectSourceKind::Vcs:
      // pip has no relative form for these.
      out =
          fmt::format("{} @ {}+{}@{}", name, source.vcs_type,
                      source.url.empty() ? Url::from_path((lock_directory / source.path).native()).to_string()
                                         : source.url,
                      source.commit_id);
      break;
  }
  return subdirectory.empty() ? out : out + "#subdirectory=" + percent_encode_path(subdirectory);
}

std::set<std::string> hashes_of(const LockedPackage& package) {
  std::set<std::string> hashes;
  const auto add = [&](const LockedFile& file) {
    for (const Digest& digest : file.hashes)
      if (digest.is_strong()) hashes.insert(digest.to_string());
  };
  for (const LockedFile& wheel : package.wheels) add(wheel);
  if (package.sdist) add(*package.sdist);
  if (package.direct && package.direct->kind == DirectSourceKind::Archive) add(package.direct->archive);
  return hashes;
}

std::string line_of(const LockedPackage& package, const fs::path& lock_directory) {
  std::string out;
  if (package.direct && package.direct->editable)
    out = "-e " + package.direct->path;
  else if (package.direct)
    out = direct_line(package.name.normalized(), *package.direct, lock_directory);
  else
    out =
        fmt::format("{}=={}", package.name.normalized(), package.version ? package.version->to_string() : "");
  if (package.marker) out += " ; " + package.marker->to_string();
  return out;
}

}  // namespace

std::string format_requirements(const Pylock& lock, const fs::path& lock_directory) {
  const bool all_hashed =
      std::all_of(lock.packages.begin(), lock.packages.end(), [](const LockedPackage& package) {
        return !package.direct || package.direct->kind == DirectSourceKind::Archive;
      });
  std::string out = fmt::format("{}\n", all_hashed ? kHead : kHeadOfCommented);
  if (!lock.locked_groups.empty()) out += fmt::format("{}{}\n", kGroups, join(lock.locked_groups, ", "));
  for (const LockedPackage& package : lock.packages) {
    out += line_of(package, lock_directory);
    for (const std::string& hash : hashes_of(package))
      out += fmt::format("{}{}", all_hashed ? " \\\n    --hash=" : "\n    # --hash=", hash);
    out += "\n";
  }
  return out;
}

std::string with_commented_hashes(std::string text) {
  if (!text.starts_with(kHeadOfCommented)) return text;
  std::string out = "--no-require-hashes";  // of all; those that are there are held
  bool is_first = true;
  for (const std::string_view line : split_lines(text)) {
    if (!std::exchange(is_first, false)) {
      if (line.starts_with(kCommentedHash))
        out += fmt::format(" \\\n    {}", line.substr(line.find("--hash=")));
      else
        out += fmt::format("\n{}", line);
    }
  }
  return out + "\n";
}

std::vector<std::string> groups_of_requirements(std::string_view text) {
  std::vector<std::string> groups;
  for (const std::string_view line : split_lines(text))
    if (line.starts_with(kGroups))
      for (const std::string_view group : split(line.substr(kGroups.size()), ','))
        groups.emplace_back(trim(group));
  return groups;
}

}  // namespace moat
