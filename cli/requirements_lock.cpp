#include "cli/requirements_lock.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace moat {
namespace {

constexpr std::string_view kHead = "# Pinned by moat; every file of a release may be used.";
constexpr std::string_view kHeadOfCommented =
    "# Pinned by moat; hashes are in comments, as pip takes none beside folders and commits.";
constexpr std::string_view kGroups = "# Groups: ";
constexpr std::string_view kCommentedHash = "    # --hash=";

// What a line says after `name @`, or after `-e`.
std::string reference(const DirectSource& source, const fs::path& lock_directory) {
  std::string out;
  switch (source.kind) {
    case DirectSourceKind::Archive:
      out = source.archive.url.empty() ? "file:" + percent_encode_path(source.archive.path)
                                       : source.archive.url;
      break;
    case DirectSourceKind::Directory:
      out = "file:" + percent_encode_path(source.path);
      break;
    case DirectSourceKind::Vcs:
      // pip has no relative form of these.
      out =
          fmt::format("{}+{}@{}", source.vcs_type,
                      source.url.empty() ? Url::from_path((lock_directory / source.path).native()).to_string()
                                         : source.url,
                      source.commit_id);
      break;
  }
  return source.subdirectory.empty() ? out
                                     : out + "#subdirectory=" + percent_encode_path(source.subdirectory);
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
    out = fmt::format("{} @ {}", package.name.normalized(), reference(*package.direct, lock_directory));
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
