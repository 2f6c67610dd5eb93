#include "fetch/os/noexec.h"

#include <sys/statvfs.h>

#include <cerrno>

namespace moat {

bool is_on_noexec(std::filesystem::path path) {
  struct statvfs facts {};
  while (::statvfs(path.c_str(), &facts) != 0) {
    if ((errno != ENOENT && errno != ENOTDIR) || path == path.parent_path()) return false;
    path = path.parent_path();
  }
  return (facts.f_flag & ST_NOEXEC) != 0;
}

}  // namespace moat
