#include "fetch/store/store_jobs.h"

#include "fetch/bytes/hasher.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <tuple>

namespace moat {
namespace {

// Before the fingerprint; an environment's job is its path.
constexpr std::string_view kSpare = "spare ";

std::string spare_text(std::string_view fingerprint) { return fmt::format("{}{}", kSpare, fingerprint); }

fs::path file_of(const fs::path& folder, const std::string& text) { return folder / hash_bytes(text).hex; }

void add_job(const fs::path& folder, const std::string& text) {
  make_directories(folder);
  write_file_atomically(file_of(folder, text), text + "\n");
}

}  // namespace

void StoreJobs::add(const fs::path& environment) const { add_job(folder(), environment.native()); }

void StoreJobs::add_spare(std::string_view fingerprint) const { add_job(folder(), spare_text(fingerprint)); }

std::vector<StoreJob> StoreJobs::list() const {
  std::vector<StoreJob> out;
  std::error_code none;
  for (fs::directory_iterator it(folder(), none), end; !none && it != end; it.increment(none)) {
    struct stat facts {};
    const auto text = read_file_if_exists(it->path());
    if (!text || !text->ends_with('\n')) continue;  // being written, or cut off
    if (::lstat(it->path().c_str(), &facts) != 0) continue;
    StoreJob job{.environment = {}, .spare_of = {}, .time = facts.st_mtime, .id = facts.st_ino};
    const std::string what = text->substr(0, text->size() - 1);
    if (what.starts_with(kSpare))
      job.spare_of = what.substr(kSpare.size());
    else if (what.starts_with('/'))
      job.environment = what;
    else
      continue;  // from a later moat
    out.push_back(std::move(job));
  }
  std::ranges::sort(out, {}, [](const StoreJob& job) { return std::tie(job.time, job.environment); });
  return out;
}

void StoreJobs::remove(const StoreJob& job) const noexcept {
  const fs::path file =
      file_of(folder(), job.spare_of.empty() ? job.environment.native() : spare_text(job.spare_of));
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
