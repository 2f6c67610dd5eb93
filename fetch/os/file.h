// Files and directories: every function throws Error(Disk) that names the path and the system's reason,
// unless noted. Paths are bytes.
#pragma once

#include "resolver/base/error.h"

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moat {

namespace fs = std::filesystem;

// Error(Disk): "cannot open `path`: No such file or directory". Adds hints for ENOSPC, EROFS and EACCES.
[[noreturn]] void throw_errno(std::string_view doing, const fs::path& path, int error_number);

// Owns a file descriptor; always close-on-exec.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

UniqueFd open_file(const fs::path& path, int flags, mode_t mode = 0666);
// Opens a file for reading that anybody may have named: Error(Disk) for a pipe, which would block, and a
// device, which may have no end.
UniqueFd open_regular(const fs::path& path);

std::string read_file(const fs::path& path);
// nullopt if there is no such file (ENOENT, ENOTDIR); other failures throw.
std::optional<std::string> read_file_if_exists(const fs::path& path);
void write_all(int fd, std::string_view bytes, const fs::path& path_for_messages);

enum class Durability { None, Synced };  // Synced: fsync of the file, then of its directory

// Writes a temporary file in the same directory and renames it: readers see the old or the new contents.
void write_file_atomically(const fs::path& path, std::string_view contents, mode_t mode = 0666,
                           Durability durability = Durability::None);
// The same for a file that the user names. A link stays, and its target is written; a non-file (a
// pipe, a terminal, /dev/null, any /dev/stdout) is written into, because a rename would replace
// it.
void write_output_file(const fs::path& path, std::string_view contents, mode_t mode = 0666,
                       Durability durability = Durability::None);
void sync_directory(const fs::path& directory);

// mkdir -p.
void make_directories(const fs::path& path);

// A path that is followed from `root` without going through a symbolic link (os/beneath.h); the root itself
// is opened as any path. For a plain path the root is its folder.
struct PathBeneath {
  // NOLINTNEXTLINE(google-explicit-constructor): every path has its folder
  PathBeneath(const fs::path& path) : root(path.parent_path()), inside(path.filename()) {}
  PathBeneath(fs::path below, fs::path name) : root(std::move(below)), inside(std::move(name)) {}
  fs::path path() const { return root / inside; }
  fs::path root, inside;
};
void make_directories_beneath(const PathBeneath& place);
// A hint that a tree made in this directory is independent of its neighbours (`chattr +T`): ext4 then
// picks a roomy part of the disk for it instead of one next to them. If neighbours were deleted lately,
// that is the difference between 15 and 400 µs a file. Other file systems ignore it; nothing depends on
// it.
void place_trees_apart(const fs::path& directory) noexcept;
// rm -rf that also clears read-only directories inside; missing is fine.
void remove_tree(const fs::path& path);
// As remove_tree, but ignores failures: for clean-up on the way out.
void remove_tree_quietly(const fs::path& path) noexcept;
// Returns true if renamed, false if the target exists (EEXIST, ENOTEMPTY). Never replaces.
bool rename_if_absent(const fs::path& from, const fs::path& to);
void rename_over(const fs::path& from, const fs::path& to);

// Free bytes for this user on the path's file system; nullopt if unknown.
std::optional<std::uint64_t> free_space(const fs::path& path);

// A fresh directory under `parent`, removed with everything in it at the end of the scope unless kept.
class TempDir {
 public:
  explicit TempDir(const fs::path& parent, std::string_view prefix = "tmp");
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&&) = delete;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const fs::path& path() const { return path_; }
  fs::path keep();  // no longer removed

 private:
  fs::path path_;
};

// An advisory lock on a whole file by open file description (F_OFD_SETLK): freed by the kernel when the
// holder dies, safe between threads of one process too. The file is created and stays.
class FileLock {
 public:
  enum class Mode { Shared, Exclusive };
  // Waits at most `patience`, then throws Error(Busy) naming the holder; see fetch/os/waiting.h.
  static FileLock acquire(const PathBeneath& place, Mode mode, std::chrono::milliseconds patience);
  // nullopt if another process or thread holds it.
  static std::optional<FileLock> try_acquire(const PathBeneath& place, Mode mode);

  // Sets the holder's text for the messages of others: "pid 123: moat install x". Not written if the file
  // belongs to another user, or has a second name: it might not be a lock. REQUIRES: exclusive.
  void describe(std::string_view holder);

 private:
  explicit FileLock(UniqueFd fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  fs::path path_;
};

}  // namespace moat
