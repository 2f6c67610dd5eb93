#include "envs/journal/file_state.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"

#include <sys/stat.h>

namespace moat {

FileState state_of(const fs::path& root, const ManifestEntry& entry) {
  const fs::path path = root / entry.path;
  struct stat s {};
  if (::lstat(path.c_str(), &s) != 0) return FileState::Missing;
  if ((entry.mode & S_IFMT) == S_IFLNK) {
    std::error_code failure;
    if (!S_ISLNK(s.st_mode)) return FileState::Changed;
    return hash_bytes(fs::read_symlink(path, failure).native()).hex == entry.sha256 ? FileState::Same
                                                                                    : FileState::Changed;
  }
  // A file of the runtime may be a link into the store (--link-mode symlink): its content is compared. Links
  // of packages are listed as links.
  if (S_ISLNK(s.st_mode) && !entry.path.starts_with(".moat/rt/")) return FileState::Changed;
  if (S_ISLNK(s.st_mode) && ::stat(path.c_str(), &s) != 0) return FileState::Missing;
  if (!S_ISREG(s.st_mode) || static_cast<std::uint64_t>(s.st_size) != entry.size) return FileState::Changed;
  if ((entry.mode & S_IXUSR) != 0 && (s.st_mode & S_IXUSR) == 0) return FileState::Changed;
  return hash_file(path).hex == entry.sha256 ? FileState::Same : FileState::Changed;
}

std::vector<FileState> states_of(const fs::path& root, const std::vector<ManifestEntry>& entries,
                                 Workers& workers) {
  std::vector<FileState> states(entries.size(), FileState::Same);
  workers.for_each(entries.size(), [&](std::size_t i) { states[i] = state_of(root, entries[i]); });
  return states;
}

}  // namespace moat
