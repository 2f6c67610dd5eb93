#include "fetch/os/disk_usage.h"

#include <sys/stat.h>

#include <system_error>

namespace moat {

std::uint64_t disk_bytes(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return 0;
  std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  if (!S_ISDIR(status.st_mode)) return bytes;
  std::error_code failed;
  for (std::filesystem::directory_iterator child(path, failed), end; !failed && child != end;
       child.increment(failed))
    bytes += disk_bytes(child->path());
  return bytes;
}

}  // namespace moat
