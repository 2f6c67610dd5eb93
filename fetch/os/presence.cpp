#include "fetch/os/presence.h"

#include "fetch/os/file.h"

namespace moat {

fs::file_status status_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none) throw_errno("look at", path, error.value());
  return status;
}

bool is_there(const fs::path& path) { return fs::exists(status_of(path)); }

bool is_same_folder(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return a == b || fs::equivalent(a, b, ignored);
}

}  // namespace moat
