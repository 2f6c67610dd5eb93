#include "envs/environment/copy_environment.h"

#include "envs/journal/move_check.h"
#include "envs/journal/sealed.h"
#include "fetch/os/file.h"
#include "fetch/os/paths.h"
#include "fetch/store/link.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

namespace {

constexpr std::chrono::seconds kPatience{60};

FileLock lock_of(const fs::path& root) {
  return FileLock::acquire(root / ".moat/lock", FileLock::Mode::Exclusive, kPatience);
}

[[noreturn]] void refuse_taken(const fs::path& to) {
  throw Error(ErrorKind::Exists, quote(to.string()) + " already exists", {"choose another path"});
}

void check_free(const fs::path& from, const fs::path& to, std::string_view doing) {
  check_environment_path(to);
  // Copying a folder into itself would never end: each folder that it makes must be copied again.
  if (is_below(to, from))
    throw Error(ErrorKind::Usage,
                fmt::format("cannot {} {} into itself: {} lies in it", doing, quote(from.native()),
                            quote(to.native())),
                {"choose another path"});
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(to, ignored))) refuse_taken(to);
}

struct Entry {
  fs::path from, to;
  struct stat facts {};
};

// Folders are made and links are set at once; regular files are listed. Staged changes and the lock's holder
// belong to the original alone. A copy of a deployed release is an ordinary environment: it may be changed.
std::vector<Entry> prepare(const fs::path& from, const fs::path& to) {
  std::vector<Entry> files;
  const bool of_release = is_release(from);
  for (fs::recursive_directory_iterator it(from), end; it != end; ++it) {
    const fs::path relative = it->path().lexically_relative(from);
    if (relative == ".moat/lock" || relative == ".moat/stage" || (of_release && relative == kReleaseFile)) {
      it.disable_recursion_pending();
      continue;
    }
    Entry entry{it->path(), to / relative};
    if (::lstat(entry.from.c_str(), &entry.facts) != 0) throw_errno("look at", entry.from, errno);
    if (S_ISDIR(entry.facts.st_mode)) {
      if (::mkdir(entry.to.c_str(), (entry.facts.st_mode & 07777U) | 0700U) != 0)
        throw_errno("make", entry.to, errno);
    } else if (S_ISLNK(entry.facts.st_mode)) {
      std::error_code failure;
      fs::copy_symlink(entry.from, entry.to, failure);
      if (failure) throw_errno("make the link", entry.to, failure.value());
    } else if (S_ISREG(entry.facts.st_mode)) {
      if (of_release) entry.facts.st_mode |= 0200U;
      files.push_back(std::move(entry));
    }
  }
  return files;
}

void copy_files(const std::vector<Entry>& files, Workers& workers) {
  constexpr std::size_t kSlice = 64;
  workers.for_each((files.size() + kSlice - 1) / kSlice, [&](std::size_t slice) {
    Linker linker(LinkMode::Auto);
    for (std::size_t i = slice * kSlice; i < std::min(files.size(), (slice + 1) * kSlice); ++i) {
      const Entry& file = files[i];
      linker.place({.from_directory = AT_FDCWD,
                    .from = file.from.c_str(),
                    .to = {.directory = AT_FDCWD,
                           .name = file.to.c_str(),
                           .mode = file.facts.st_mode & 07777U,
                           .mtime = file.facts.st_mtime}});
    }
  });
}

// As the launcher does after a move: Python takes no relative path there.
void mend_home(const fs::path& at, const fs::path& root) {
  const fs::path file = at / "pyvenv.cfg";
  const std::string text = read_file(file);
  std::string out;
  for (const std::string_view line : split_lines(text)) {
    const auto equals = line.find('=');
    const bool is_home = equals != line.npos && trim(line.substr(0, equals)) == "home";
    out.append(is_home ? "home = " + (root / ".moat/rt/bin").string() : std::string(line)).append("\n");
  }
  if (out != text) write_file_atomically(file, out, 0644);
}

}  // namespace

Environment clone_environment(const Environment& environment, const fs::path& to, Workers& workers) {
  check_free(environment.root(), to, "copy");
  const FileLock lock = lock_of(environment.root());
  make_directories(to.parent_path());
  TempDir staging(to.parent_path(), "." + to.filename().string() + ".new");
  const fs::path staged = staging.path() / "env";
  make_directories(staged);
  copy_files(prepare(environment.root(), staged), workers);
  mend_home(staged, to);
  if (!rename_if_absent(staged, to)) refuse_taken(to);
  return Environment::open(to);
}

Environment move_environment(const Environment& environment, const fs::path& to, Workers& workers) {
  const fs::path from = environment.root();
  check_free(from, to, "move");
  make_directories(to.parent_path());
  std::optional<FileLock> lock = lock_of(from);
  struct stat here {
  }, there{};
  if (::stat(from.c_str(), &here) == 0 && ::stat(to.parent_path().c_str(), &there) == 0 &&
      here.st_dev == there.st_dev) {
    if (!rename_if_absent(from, to)) refuse_taken(to);
    mend_home(to, to);
    return Environment::open(to);
  }
  refuse_mounts_below(from);
  lock.reset();
  Environment moved = clone_environment(environment, to, workers);
  remove_tree(from);
  return moved;
}

}  // namespace moat
