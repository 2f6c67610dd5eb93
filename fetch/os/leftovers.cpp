#include "fetch/os/leftovers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace moat {

namespace {

// Between creating a folder and locking it, it is empty: a folder this young is left alone.
constexpr std::int64_t kYoung = 60;

bool ends_with_number(std::string_view name, std::string_view mark, std::string_view digits) {
  const std::size_t at = name.rfind(mark);
  if (at == name.npos) return false;
  const std::string_view number = name.substr(at + mark.size());
  return !number.empty() && number.find_first_not_of(digits) == number.npos;
}

bool is_name_of_leftover(std::string_view name) {
  constexpr std::string_view kHex = "0123456789abcdef", kDecimal = "0123456789";
  if (name.substr(0, 1) != ".") return false;
  return ends_with_number(name, ".new-", kHex) || ends_with_number(name, ".removed-", kDecimal) ||
         (name.starts_with(".moat-download-") && ends_with_number(name, "-", kHex));
}

bool is_held(const fs::path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0 || facts.st_uid != ::geteuid()) return true;
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return true;
  std::error_code unknown;
  return fs::is_empty(folder, unknown) && facts.st_mtime + kYoung > std::time(nullptr);
}

}  // namespace

FolderHold::FolderHold(const fs::path& folder) noexcept
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_) ::flock(fd_.get(), LOCK_SH | LOCK_NB);
}

namespace {

const fs::path& swept(const fs::path& folder) {
  sweep_leftovers(folder);
  return folder;
}

}  // namespace

StagingFolder::StagingFolder(const fs::path& parent, std::string_view name)
    : folder_(swept(parent), fmt::format("{}.new", name)), hold_(folder_.path()) {}

void sweep_leftovers(const fs::path& folder) noexcept {
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure))
    if (is_name_of_leftover(it->path().filename().native()) && !is_held(it->path()))
      remove_tree_quietly(it->path());
}

}  // namespace moat
