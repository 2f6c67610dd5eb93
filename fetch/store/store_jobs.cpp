#include "fetch/store/store_jobs.h"

#include "fetch/bytes/hasher.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <tuple>

namespace moat {

void StoreJobs::add(const fs::path& environment) const {
  make_directories(folder());
  write_file_atomically(folder() / hash_bytes(environment.native()).hex, environment.native() + "\n");
}

std::vector<StoreJob> StoreJobs::list() const {
  std::vector<StoreJob> out;
  std::error_code none;
  for (fs::directory_iterator it(folder(), none), end; !none && it != end; it.increment(none)) {
    struct stat facts {};
    const auto text = read_file_if_exists(it->path());
    if (!text || !text->starts_with('/') || !text->ends_with('\n')) continue;  // on its way in, or cut off
    if (::lstat(it->path().c_str(), &facts) != 0) continue;
    out.push_back({text->substr(0, text->size() - 1), facts.st_mtime, facts.st_ino});
  }
  std::ranges::sort(out, {}, [](const StoreJob& job) { return std::tie(job.time, job.environment); });
  return out;
}

void StoreJobs::remove(const StoreJob& job) const noexcept {
  const fs::path file = folder() / hash_bytes(job.environment.native()).hex;
  struct stat facts {};
  if (::lstat(file.c_str(), &facts) == 0 && facts.st_ino == job.id) ::unlink(file.c_str());
}

std::optional<FileLock> StoreJobs::begin_work() const {
  auto lock = FileLock::try_acquire({store_, "worker"}, FileLock::Mode::Exclusive);
  if (lock) lock->describe(fmt::format("pid {}: moat store jobs", ::getpid()));
  return lock;
}

bool StoreJobs::is_worked_on() const {
  return !FileLock::try_acquire({store_, "worker"}, FileLock::Mode::Shared).has_value();
}

}  // namespace moat
