#include "fetch/store/link.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace moat {

namespace {

// The path of a name in an open directory; only for messages.
fs::path path_of(int directory, const char* name) {
  std::error_code unknown;
  if (directory == AT_FDCWD) return name;
  const fs::path folder = fs::read_symlink("/proc/self/fd/" + std::to_string(directory), unknown);
  return unknown ? fs::path(name) : folder / name;
}

[[noreturn]] void fail_reading(const FilePlacement& file, int error_number) {
  throw_errno("read", path_of(file.from_directory, file.from), error_number);
}

UniqueFd create(const NewFile& file) {
  UniqueFd out(::openat(file.directory, file.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode));
  if (!out) throw_errno_in("create", file.directory, file.name, errno);
  return out;
}

void write(int to, std::string_view bytes, const NewFile& file) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(to, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno_in("write", file.directory, file.name, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void set_time(int to, const NewFile& file) {
  const timespec time{.tv_sec = file.mtime, .tv_nsec = 0};
  const std::array<timespec, 2> times = {time, time};
  if (::futimens(to, times.data()) != 0) throw_errno_in("set the time of", file.directory, file.name, errno);
}

void copy_contents(int from, int to, const FilePlacement& file) {
  // For files as small as those of packages, read and write are faster than copy_file_range (62 against 72 ms
  // for 1,600 files on ext4); a file larger than the buffer is copied by the kernel.
  std::array<char, std::size_t{64} << 10U> buffer;
  struct stat facts {};
  if (::fstat(from, &facts) != 0) fail_reading(file, errno);
  auto left = static_cast<std::uint64_t>(facts.st_size);
  bool in_kernel = left > buffer.size();
  while (left > 0) {
    if (in_kernel) {
      const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, left, 0);
      in_kernel = copied > 0;  // else: across file systems on an old kernel, say; read and write do it
      if (in_kernel) left -= static_cast<std::uint64_t>(copied);
      continue;
    }
    const ssize_t got = ::read(from, buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_reading(file, errno);
    if (got == 0) fail_reading(file, EIO);  // cut off meanwhile
    write(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)), file.to);
    left -= static_cast<std::uint64_t>(got);
  }
}

[[noreturn]] void throw_no_link(std::string_view what, const FilePlacement& file, int error_number) {
  throw Error(ErrorKind::Disk,
              fmt::format("cannot {} {} into the environment: {}", what,
                          quote(path_of(file.from_directory, file.from).native()),
                          std::generic_category().message(error_number)),
              {"the store and the environment must be on one file system that can do that; "
               "`--link-mode auto` works everywhere"});
}

}  // namespace

void throw_errno_in(std::string_view doing, int directory, const char* name, int error_number) {
  throw_errno(doing, path_of(directory, name), error_number);
}

LinkMode link_mode_for(LinkMode mode, std::string_view path, std::uint64_t size) {
  if (mode != LinkMode::SharedBinaries) return mode;
  const bool is_pythons = path.ends_with(".py") || path.ends_with(".pyi") || path.ends_with(".pyc");
  return size >= kBigBinary && !is_pythons ? LinkMode::Hardlink : LinkMode::Auto;
}

bool is_one_file_system(const fs::path& a, const fs::path& b) {
  struct stat of_a {
  }, of_b{};
  return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev;
}

void write_new_file(const NewFile& file, std::string_view bytes) {
  const UniqueFd to = create(file);
  write(to.get(), bytes, file);
  set_time(to.get(), file);
}

void write_new_file(const NewFile& file, PackedFiles::Reader& from, std::string_view path) {
  const UniqueFd to = create(file);
  from.read(path, [&](std::string_view piece) { write(to.get(), piece, file); });
  set_time(to.get(), file);
}

bool make_symbolic_link(const fs::path& target, const fs::path& path) {
  if (::symlink(target.c_str(), path.c_str()) == 0) return true;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) return false;
  throw_errno("make the link", path, errno);
}

bool clones_files(const fs::path& folder) {
  const fs::path names[2] = {folder / "clone-from", folder / "clone-to"};
  bool works = false;
  try {
    write_file_atomically(names[0], "x");
    const UniqueFd from = open_file(names[0], O_RDONLY);
    const UniqueFd to = open_file(names[1], O_WRONLY | O_CREAT | O_EXCL);
    works = ::ioctl(to.get(), FICLONE, from.get()) == 0;
  } catch (const Error&) {
    // Only an optimisation.
  }
  for (const fs::path& name : names) ::unlink(name.c_str());
  return works;
}

void Linker::place(const FilePlacement& file) {
  const NewFile& place = file.to;
  if (mode_ == LinkMode::Symlink) {
    if (::symlinkat(path_of(file.from_directory, file.from).c_str(), place.directory, place.name) != 0)
      throw_errno_in("create link", place.directory, place.name, errno);
    return;
  }
  if (mode_ == LinkMode::Hardlink) {
    if (::linkat(file.from_directory, file.from, place.directory, place.name, 0) == 0) return;
    if (errno != EMLINK) throw_no_link("hard-link", file, errno);  // too many links: this one becomes a copy
  }
  const UniqueFd from(::openat(file.from_directory, file.from, O_RDONLY | O_CLOEXEC));
  if (!from) fail_reading(file, errno);
  const UniqueFd to = create(place);
  if (!clone(from.get(), to.get(), file)) copy_contents(from.get(), to.get(), file);
  set_time(to.get(), place);
}

bool Linker::clone(int from, int to, const FilePlacement& file) {
  if (!clone_works_ || mode_ == LinkMode::Copy || mode_ == LinkMode::Hardlink) return false;
  if (::ioctl(to, FICLONE, from) == 0) return true;
  if (mode_ == LinkMode::Clone) throw_no_link("clone", file, errno);
  clone_works_ = false;
  return false;
}

}  // namespace moat
