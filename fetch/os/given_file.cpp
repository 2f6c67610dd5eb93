#include "fetch/os/given_file.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace moat {
namespace {

bool is_device_that_gives_nothing(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3);  // /dev/null
}

void check_kind(int fd, const fs::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("read", path, errno);
  if (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ||
      is_device_that_gives_nothing(status) || ::isatty(fd) == 1)
    return;
  throw Error(ErrorKind::BadInput, fmt::format("{} is a {}, not a file", quote(path.native()),
                                               S_ISDIR(status.st_mode) ? "folder" : "device"));
}

// Returns when there is something to read, or the end. Waits for a pipe without a writer.
void wait_for(int fd, const fs::path& path) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&entry, 1, -1) >= 0) return;
  if (errno == EINTR) throw Error(ErrorKind::Interrupted, "interrupted");
  throw_errno("read", path, errno);
}

}  // namespace

std::optional<std::string> read_given_file(const fs::path& path, std::uint64_t most) {
  // Non-blocking: opening a pipe without a writer would block, and signals would not be noticed.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw_errno("open", path, errno);
  check_kind(fd.get(), path);
  std::string out;
  std::array<char, 1U << 16U> piece{};
  for (;;) {
    wait_for(fd.get(), path);
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) throw_errno("read", path, errno);
    if (count == 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(count));
    if (out.size() > most)
      throw Error(ErrorKind::BadInput, fmt::format("{} has more than {} MB, the most that moat reads",
                                                   quote(path.native()), most >> 20U));
  }
}

}  // namespace moat
