#include "envs/journal/former_files.h"

#include "envs/journal/history.h"
#include "fetch/os/file.h"

#include <sys/stat.h>

#include <algorithm>
#include <span>

namespace moat {

std::optional<FileFacts> facts_of_file(const fs::path& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  return FileFacts{facts.st_mtime, static_cast<std::uint64_t>(facts.st_size)};
}

FormerFiles::FormerFiles(const fs::path& environment, const Manifest& manifest)
    : environment_(environment), manifest_(manifest) {
  const std::vector<int> states = history_states(environment);  // newest first
  remembers_all_ = states.empty() ? manifest.state == 0 : states.back() == 1;
  for (const int state : states) {
    const fs::path path = moves_file(environment, state);
    const Journal journal(read_file(path), path);
    for (const moat_move& move : std::span(journal->moves, journal->move_count))
      if (move.kind == MOAT_MOVE_OUT) moved_out_[move.from].emplace_back(move.to);
  }
}

std::optional<std::int64_t> FormerFiles::find(const std::string& path) const {
  // A file may have been moved alone once, and later with its folder: the latest move counts.
  std::optional<std::int64_t> latest;
  for (std::string part = path; !moved_out_.empty();) {
    if (const auto found = moved_out_.find(part); found != moved_out_.end())
      for (const std::string& to : found->second)
        if (const auto facts = facts_of_file(environment_ / (to + path.substr(part.size()))))
          latest = std::max(latest.value_or(facts->mtime), facts->mtime);
    const std::size_t slash = part.rfind('/');
    if (slash == part.npos) break;
    part.resize(slash);
  }
  if (latest) return latest;
  const auto entry =
      std::lower_bound(manifest_.entries.begin(), manifest_.entries.end(), path,
                       [](const ManifestEntry& known, const std::string& p) { return known.path < p; });
  const bool is_listed = entry != manifest_.entries.end() && entry->path == path;
  return is_listed || !remembers_all_ ? std::optional<std::int64_t>(0) : std::nullopt;
}

}  // namespace moat
