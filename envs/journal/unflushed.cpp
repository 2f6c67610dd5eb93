#include "envs/journal/unflushed.h"

#include "envs/launcher/recover.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <vector>

namespace moat {

namespace {

constexpr const char* kName = "unflushed";

// The kernel writes what is older than 30 seconds, and looks every five.
constexpr std::int64_t kOld = 60;

bool is_for_a_moment(const fs::path& folder) {
  struct statfs facts {};
  if (::statfs(folder.c_str(), &facts) != 0) return false;
  const auto type = static_cast<unsigned long>(facts.f_type);
  return type == TMPFS_MAGIC || type == RAMFS_MAGIC || type == OVERLAYFS_SUPER_MAGIC;
}

}  // namespace

void mark_unflushed(const fs::path& folder, int state, std::int64_t begun) {
  const auto boot = read_file_if_exists(MOAT_BOOT_ID_FILE);
  if (!boot || is_for_a_moment(folder)) return;  // not a known Linux: the marks could not be compared
  const UniqueFd directory = open_file(folder, O_RDONLY | O_DIRECTORY);
  struct stat facts {};
  if (::fstat(directory.get(), &facts) != 0) throw_errno("look at", folder, errno);
  const std::string id(trim(*boot));
  const auto there = read_file_if_exists(folder / kName);
  if (there && there->starts_with(id + " ") && there->ends_with(fmt::format(" {}\n", facts.st_dev))) return;
  const fs::path aside = folder / ".unflushed-new";
  ::unlink(aside.c_str());
  const UniqueFd file = open_file(aside, O_WRONLY | O_CREAT | O_EXCL);
  write_all(file.get(), fmt::format("{} {} {}\n", id, state, facts.st_dev), aside);
  const std::array<timespec, 2> times = {timespec{begun, 0}, timespec{begun, 0}};
  if (::futimens(file.get(), times.data()) != 0) throw_errno("set the time of", aside, errno);
  rename_over(aside, folder / kName);
}

std::optional<int> first_unflushed_state(const fs::path& environment) {
  const auto mark = read_file_if_exists(environment / ".moat" / kName);
  if (!mark) return std::nullopt;
  const std::vector<std::string_view> fields = split(*mark, ' ');
  int state = 0;  // an unreadable one protects all states
  if (fields.size() > 1) std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), state);
  return state;
}

void sync_file_system(const fs::path& inside) {
  const UniqueFd directory = open_file(inside, O_RDONLY | O_DIRECTORY);
  if (::syncfs(directory.get()) != 0) throw_errno("sync", inside, errno);
}

void sync_file(const fs::path& file) {
  const UniqueFd fd = open_file(file, O_RDONLY);
  if (::fsync(fd.get()) != 0) throw_errno("sync", file, errno);
}

void flush(const fs::path& environment) {
  sync_file_system(environment);
  ::unlink((environment / ".moat" / kName).c_str());
}

void flush_if_old(const fs::path& environment, std::int64_t now) {
  struct stat mark {};
  if (::lstat((environment / ".moat" / kName).c_str(), &mark) == 0 && mark.st_mtime + kOld < now)
    flush(environment);
}

}  // namespace moat
