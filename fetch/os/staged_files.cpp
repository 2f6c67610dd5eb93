#include "fetch/os/staged_files.h"

#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

namespace moat {
namespace {

constexpr mode_t kAnyWrite = 0222, kPermissions = 07777;

// The file that links lead to.
fs::path followed(fs::path path) {
  std::error_code ignored;
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(path, ignored)); ++links)
    path = (path.parent_path() / fs::read_symlink(path)).lexically_normal();
  return path;
}

std::optional<struct stat> stat_of(const fs::path& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0) return facts;
  if (errno == ENOENT) return std::nullopt;
  throw_errno("look at", path, errno);
}

// Root may write to any file, so the permission bits are checked.
void check_writable(const fs::path& path, const struct stat& facts) {
  if (!S_ISREG(facts.st_mode))
    throw Error(ErrorKind::Refused, fmt::format("{} is not a regular file", path.native()));
  if ((facts.st_mode & kAnyWrite) != 0 && ::access(path.c_str(), W_OK) == 0) return;
  throw Error(ErrorKind::Refused, fmt::format("{} is read-only", path.native()),
              {fmt::format("chmod u+w {}", path.native())});
}

// The beginning of the names of staged files, with a mark that no user's file has.
std::string beginning_of(const fs::path& path) { return fmt::format(".{}.moat-", path.filename().native()); }

fs::path write_aside(const fs::path& path, std::string_view text, const std::optional<struct stat>& like) {
  std::string name = (path.parent_path() / fmt::format("{}XXXXXX", beginning_of(path))).native();
  const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) throw_errno("write beside", path, errno);
  try {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    write_all(fd.get(), text, path);
    // The owner matters only if it is somebody else, and then this runs as root.
    if (like && (like->st_uid != ::geteuid() || like->st_gid != ::getegid()) &&
        ::fchown(fd.get(), like->st_uid, like->st_gid) != 0 && errno != EPERM)
      throw_errno("keep the owner of", path, errno);
    if (::fchmod(fd.get(), like ? like->st_mode & kPermissions : 0666 & ~mask) != 0)
      throw_errno("keep the mode of", path, errno);
    if (::fsync(fd.get()) != 0) throw_errno("sync", path, errno);
  } catch (...) {
    ::unlink(name.c_str());
    throw;
  }
  return name;
}

}  // namespace

StagedFiles::~StagedFiles() {
  for (const File& file : files_) {
    try {
      take_back(file);
    } catch (const std::exception& error) {  // the new contents are complete as well
      reporter_.warn(fmt::format("{} cannot be put back: {}", file.path.native(), error.what()));
    }
  }
}

void StagedFiles::add(const fs::path& path, std::string_view text, const std::optional<std::string>& before) {
  File file{.path = followed(path), .aside = {}, .before = before};
  const std::optional<struct stat> facts = stat_of(file.path);
  if (facts) check_writable(path, *facts);
  file.aside = write_aside(file.path, text, facts);
  files_.push_back(std::move(file));
}

void StagedFiles::place(File& file) {
  if (!file.before) {
    if (!rename_if_absent(file.aside, file.path))
      throw Error(ErrorKind::Refused, fmt::format("{} appeared meanwhile", file.path.native()),
                  {"try again"});
  } else if (::renameat2(AT_FDCWD, file.aside.c_str(), AT_FDCWD, file.path.c_str(), RENAME_EXCHANGE) == 0) {
    file.swapped = true;
  } else if (errno == EINVAL || errno == ENOSYS) {
    rename_over(file.aside, file.path);
  } else {
    throw_errno("replace", file.path, errno);
  }
  file.placed = true;
}

void StagedFiles::place() {
  if (std::exchange(placed_, true)) return;
  for (const File& file : files_)
    if (read_file_if_exists(file.path) != file.before)
      throw Error(ErrorKind::Refused, fmt::format("{} changed meanwhile", file.path.native()), {"try again"});
  for (File& file : files_) place(file);
  for (const File& file : files_) sync_directory(file.path.parent_path());
}

void StagedFiles::take_back(const File& file) {
  if (!file.placed)
    ::unlink(file.aside.c_str());
  else if (file.swapped)
    rename_over(file.aside, file.path);
  else if (file.before)
    write_file_atomically(file.path, *file.before);
  else if (::unlink(file.path.c_str()) != 0)
    throw_errno("remove", file.path, errno);
}

void StagedFiles::keep() {
  place();
  for (const File& file : files_)
    if (file.swapped) ::unlink(file.aside.c_str());
  files_.clear();
}

void sweep_staged(const fs::path& file) noexcept {
  constexpr std::size_t kRandom = 6;  // of mkostemp
  try {
    const fs::path real = followed(file);
    const std::string begin = beginning_of(real);
    for (const fs::directory_entry& entry : fs::directory_iterator(real.parent_path())) {
      const std::string name = entry.path().filename().native();
      struct stat facts {};
      if (name.size() != begin.size() + kRandom || !name.starts_with(begin) ||
          !std::all_of(name.end() - kRandom, name.end(), is_ascii_alnum) ||
          ::lstat(entry.path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
          facts.st_uid != ::geteuid())
        continue;
      ::unlink(entry.path().c_str());
    }
  } catch (const std::exception&) {
    // They do no harm.
  }
}

}  // namespace moat
