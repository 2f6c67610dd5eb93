#include "fetch/os/folder_lock.h"

#include "fetch/os/waiting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

namespace moat {

FolderLock FolderLock::acquire(const fs::path& folder, std::chrono::milliseconds patience) {
  UniqueFd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  Wait wait(patience, [&] { return fmt::format("another moat in {}", folder.native()); });
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return FolderLock(UniqueFd());
    if (!wait.pause())
      throw Error(ErrorKind::Busy, fmt::format("another moat is at work in {}", folder.native()),
                  {"wait for it to end, then try again"});
  }
  return FolderLock(std::move(fd));
}

}  // namespace moat
