#include "fetch/os/file.h"

#include "fetch/os/beneath.h"
#include "fetch/os/waiting.h"
#include "resolver/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

namespace moat {
namespace {

std::vector<std::string> hints_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return {"free some space there; `moat store prune` deletes what moat can fetch or make again"};
    case EFBIG:
      return {"files may not grow this large: see `ulimit -f`"};
    case EMFILE:
    case ENFILE:
      return {"raise the limit of open files: `ulimit -n 256`"};
    case EROFS:
      return {"the file system is mounted read-only; choose another place with --store-dir or --env"};
    case EACCES:
    case EPERM:
      return {"check owners and permissions: `ls -ld` on it and on the directories above"};
    case ELOOP:
      return {"check what is there: `ls -ld` on it and on the directories above"};
    default:
      return {};
  }
}

// The C library's read and write, begun again when a signal came in between.
template <class F>
auto retry_on_signal(F&& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

std::string random_suffix() {
  std::uint64_t bits = 0;
  // For so few bytes it never fails or returns less, once the system has started.
  if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits))
    throw_errno("get random bytes for", "/dev/urandom", errno);
  return fmt::format("{:016x}", bits);
}

fs::path directory_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

// A path may name anything: reading a pipe would wait, and a device may never end.
constexpr off_t kMostBytes = off_t{1} << 30U;

constexpr std::string_view kNoFile = "it is a pipe or a device, not a file";

[[noreturn]] void refuse_to_read(const fs::path& path, std::string_view why) {
  throw Error(ErrorKind::Disk, fmt::format("cannot read {}: {}", quote(path.native()), why));
}

std::string read_everything(int fd, const fs::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("read", path, errno);
  if (S_ISDIR(status.st_mode)) throw_errno("read", path, EISDIR);
  const bool is_null = S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3);
  if (!S_ISREG(status.st_mode) && !is_null) refuse_to_read(path, kNoFile);
  if (status.st_size > kMostBytes) refuse_to_read(path, "it is larger than 1 GB");
  std::string contents;
  std::size_t used = 0;
  // One byte more than the size, so that the end is seen without growing; files of /proc claim a size of 0.
  contents.resize(static_cast<std::size_t>(std::max<off_t>(status.st_size, 4095)) + 1);
  while (true) {
    const ssize_t count =
        retry_on_signal([&] { return ::read(fd, contents.data() + used, contents.size() - used); });
    if (count < 0) throw_errno("read", path, errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used > static_cast<std::size_t>(kMostBytes)) refuse_to_read(path, "it is larger than 1 GB");
    if (used == contents.size()) contents.resize(contents.size() * 2);
  }
  contents.resize(used);
  return contents;
}

// Removes the file again unless it was renamed to where it belongs.
class RemoveOnFailure {
 public:
  explicit RemoveOnFailure(fs::path path) : path_(std::move(path)) {}
  RemoveOnFailure(const RemoveOnFailure&) = delete;
  RemoveOnFailure& operator=(const RemoveOnFailure&) = delete;
  ~RemoveOnFailure() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void done() { path_.clear(); }

 private:
  fs::path path_;
};

std::vector<std::string> entry_names(UniqueFd directory, const fs::path& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) throw_errno("list", path, errno);
  directory.release();
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw_errno("list", path, errno);
  return names;
}

void remove_at(int parent, const std::string& name, const fs::path& path);

void remove_directory_at(int parent, const std::string& name, const fs::path& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd directory(::openat(parent, name.c_str(), kFlags));
  if (!directory && errno == EACCES && ::fchmodat(parent, name.c_str(), 0700, 0) == 0)
    directory.reset(::openat(parent, name.c_str(), kFlags));
  if (!directory) {
    if (errno == ENOENT) return;
    const bool no_directory = errno == ENOTDIR || errno == ELOOP;  // so the EPERM of unlink meant this
    throw_errno("remove", path, no_directory ? EPERM : errno);
  }
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) throw_errno("remove", path, errno);
  if ((status.st_mode & S_IRWXU) != S_IRWXU) ::fchmod(directory.get(), 0700);  // a failure is reported below

  UniqueFd listing(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
  if (!listing) throw_errno("remove", path, errno);
  for (const std::string& entry : entry_names(std::move(listing), path))
    remove_at(directory.get(), entry, path / entry);
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    throw_errno("remove", path, errno);
}

void remove_at(int parent, const std::string& name, const fs::path& path) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT || errno == ENOTDIR) return;
  if (errno != EISDIR && errno != EPERM)
    throw_errno("remove", path, errno);  // Linux says EISDIR, POSIX EPERM
  remove_directory_at(parent, name, path);
}

// For file systems that cannot rename without replacing. Another process may interfere; but even then a
// directory with something in it is not lost (ENOTEMPTY).
bool rename_if_absent_plainly(const fs::path& from, const fs::path& to) {
  struct stat status {};
  if (::lstat(to.c_str(), &status) == 0) return false;
  if (::rename(from.c_str(), to.c_str()) == 0) return true;
  if (errno == EEXIST || errno == ENOTEMPTY) return false;
  throw_errno("rename to", to, errno);
}

bool try_lock(int fd, FileLock::Mode mode, const fs::path& path) {
  struct flock lock {};
  lock.l_type = mode == FileLock::Mode::Exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  if (retry_on_signal([&] { return ::fcntl(fd, F_OFD_SETLK, &lock); }) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  const std::string reason = std::generic_category().message(errno);
  throw Error(ErrorKind::Disk, fmt::format("cannot lock {}: {}", quote(path.native()), reason),
              {"the file system must support locks; a local one does"});
}

UniqueFd open_root(const PathBeneath& place) {
  const fs::path root = place.root.empty() ? fs::path(".") : place.root;
  UniqueFd folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw_errno("open", place.path(), errno);
  return folder;
}

// Opens the file of a lock. A shared lock needs no right to write, so a read-only store can be used.
UniqueFd open_lock_file(const PathBeneath& place, FileLock::Mode mode) {
  const UniqueFd folder = open_root(place);
  UniqueFd fd(moat_open_lock_beneath(folder.get(), place.inside.c_str(), O_RDWR | O_CREAT));
  if (fd) return fd;
  const int reason = errno;
  if (mode == FileLock::Mode::Shared && (reason == EROFS || reason == EACCES))
    fd.reset(moat_open_lock_beneath(folder.get(), place.inside.c_str(), O_RDONLY));
  if (!fd) throw_errno("open", place.path(), reason);
  return fd;
}

}  // namespace

void throw_errno(std::string_view doing, const fs::path& path, int error_number) {
  throw Error(ErrorKind::Disk,
              fmt::format("cannot {} {}: {}", doing, quote(path.native()), moat_reason(error_number)),
              hints_for(error_number));
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) reset(other.release());
  return *this;
}

int UniqueFd::release() { return std::exchange(fd_, -1); }

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

UniqueFd open_file(const fs::path& path, int flags, mode_t mode) {
  UniqueFd fd(retry_on_signal([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
  if (!fd) throw_errno((flags & O_CREAT) != 0 ? "create" : "open", path, errno);
  return fd;
}

UniqueFd open_regular(const fs::path& path) {
  UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno("read", path, errno);
  if (S_ISDIR(status.st_mode)) throw_errno("read", path, EISDIR);
  if (!S_ISREG(status.st_mode)) refuse_to_read(path, kNoFile);
  return fd;
}

std::string read_file(const fs::path& path) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK);
  return read_everything(fd.get(), path);
}

std::optional<std::string> read_file_if_exists(const fs::path& path) {
  const UniqueFd fd(retry_on_signal([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw_errno("open", path, errno);
  return read_everything(fd.get(), path);
}

void write_all(int fd, std::string_view bytes, const fs::path& path_for_messages) {
  while (!bytes.empty()) {
    const ssize_t count = retry_on_signal([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (count < 0) throw_errno("write", path_for_messages, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

namespace {

// Some file systems have nothing to sync in a directory, and say EINVAL.
void sync_directory(int fd, const fs::path& directory) {
  if (::fsync(fd) != 0 && errno != EINVAL) throw_errno("sync", directory, errno);
}

}  // namespace

void write_file_atomically(const fs::path& path, std::string_view contents, mode_t mode,
                           Durability durability) {
  const fs::path folder = directory_of(path);
  // Done while the change can still be undone: after the rename only a disk failure can stop it.
  const UniqueFd folder_fd =
      durability == Durability::Synced ? open_file(folder, O_RDONLY | O_DIRECTORY) : UniqueFd();
  const fs::path aside = folder / (".tmp-" + random_suffix());
  UniqueFd fd = open_file(aside, O_WRONLY | O_CREAT | O_EXCL, mode);
  RemoveOnFailure guard(aside);
  write_all(fd.get(), contents, path);
  if (durability == Durability::Synced && ::fsync(fd.get()) != 0) throw_errno("sync", path, errno);
  // Some file systems report only now that there was no room.
  if (::close(fd.release()) != 0) throw_errno("write", path, errno);
  rename_over(aside, path);
  guard.done();
  if (folder_fd) sync_directory(folder_fd.get(), folder);
}

namespace {

// A path such as /dev/fd/3 that names an open descriptor of this process, of any kind.
bool names_a_descriptor(std::string_view path) {
  return path.starts_with("/dev/fd/") || path.starts_with("/dev/std") || path.starts_with("/proc/");
}

// Left by a killed command: older than any write takes.
void sweep_parts(const fs::path& folder) noexcept {
  constexpr std::string_view kBegin = ".tmp-", kHex = "0123456789abcdef";
  constexpr std::size_t kDigits = 16;
  constexpr std::int64_t kYoung = 60;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure)) {
    const std::string name = it->path().filename().native();
    struct stat facts {};
    if (name.size() == kBegin.size() + kDigits && name.starts_with(kBegin) &&
        name.find_first_not_of(kHex, kBegin.size()) == name.npos &&
        ::lstat(it->path().c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == ::geteuid() &&
        facts.st_mtime + kYoung < std::time(nullptr))
      ::unlink(it->path().c_str());
  }
}

}  // namespace

void write_output_file(const fs::path& path, std::string_view contents, mode_t mode, Durability durability) {
  std::error_code ignored;  // if it cannot be examined, writing reports why
  const fs::file_status status = fs::status(path, ignored);
  const bool may_be_replaced = !fs::exists(status) || fs::is_regular_file(status) || fs::is_directory(status);
  if (!may_be_replaced || names_a_descriptor(path.native()))
    return write_all(open_file(path, O_WRONLY | O_APPEND).get(), contents, path);
  fs::path target = path;
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(target, ignored)); ++links)
    target = directory_of(target) / fs::read_symlink(target);
  sweep_parts(directory_of(target));
  write_file_atomically(target, contents, mode, durability);
}

void sync_directory(const fs::path& directory) {
  sync_directory(open_file(directory, O_RDONLY | O_DIRECTORY).get(), directory);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_errno("create directory", path, error.value());
}

void make_directories_beneath(const PathBeneath& place) {
  const UniqueFd root = open_root(place);
  const UniqueFd made(moat_make_directories_beneath(root.get(), place.inside.c_str()));
  if (!made) throw_errno("create directory", place.path(), errno);
}

void place_trees_apart(const fs::path& directory) noexcept {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  if (!fd || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_TOPDIR_FL;
  ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags);
}

void remove_tree(const fs::path& path) {
  const fs::path plain = path.has_filename() ? path : path.parent_path();
  remove_at(AT_FDCWD, plain.native(), plain);
}

void remove_tree_quietly(const fs::path& path) noexcept {
  try {
    remove_tree(path);
  } catch (const std::exception&) {  // nobody is left to report this to
  }
}

bool rename_if_absent(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST || errno == ENOTEMPTY) return false;
  if (errno == EINVAL || errno == ENOSYS) return rename_if_absent_plainly(from, to);
  throw_errno("rename to", to, errno);
}

void rename_over(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_errno("rename to", to, errno);
}

std::optional<std::uint64_t> free_space(const fs::path& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

TempDir::TempDir(const fs::path& parent, std::string_view prefix) {
  // Not mkdtemp: its 0700 would stay when the directory is renamed to where others may read.
  path_ = parent / (std::string(prefix) + "-" + random_suffix());
  if (::mkdir(path_.c_str(), 0777) != 0) throw_errno("create directory", path_, errno);
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir::~TempDir() {
  if (!path_.empty()) remove_tree_quietly(path_);
}

fs::path TempDir::keep() { return std::exchange(path_, {}); }

FileLock FileLock::acquire(const PathBeneath& place, Mode mode, std::chrono::milliseconds patience) {
  const fs::path path = place.path();
  UniqueFd fd = open_lock_file(place, mode);
  // fcntl cannot wait with a time limit; polling costs a microsecond.
  Wait wait(patience, [&] { return lock_holder(path); });
  while (!try_lock(fd.get(), mode, path))
    if (!wait.pause())
      throw Error(ErrorKind::Busy, fmt::format("{} is in use by {}", quote(path.native()), lock_holder(path)),
                  {"wait for it to end, then try again"});
  FileLock lock(std::move(fd), path);
  if (mode == Mode::Exclusive) lock.describe("");  // the previous holder's text no longer applies
  return lock;
}

std::optional<FileLock> FileLock::try_acquire(const PathBeneath& place, Mode mode) {
  UniqueFd fd = open_lock_file(place, mode);
  if (!try_lock(fd.get(), mode, place.path())) return std::nullopt;
  FileLock lock(std::move(fd), place.path());
  if (mode == Mode::Exclusive) lock.describe("");
  return lock;
}

void FileLock::describe(std::string_view holder) {
  if (moat_may_write_over(fd_.get()) == 0) return;
  if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) < 0)
    throw_errno("write", path_, errno);
  write_all(fd_.get(), holder, path_);
}

}  // namespace moat
