#include "fetch/os/roomy_directory.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <string>

namespace moat {
namespace {

constexpr long kQuick = 60'000;  // nanoseconds; what is usual is 10 to 20 thousand
constexpr int kMostTries = 8;

// CPU time, so that it says nothing about what else the machine does.
long now() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000L + time.tv_nsec;
}

// The least of three: the first one of a new part of the disk has to read it.
bool creates_quickly(const fs::path& directory) {
  const UniqueFd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  bool quick = false;
  for (const char* const name : {"1", "2", "3"}) {
    const long begin = now();
    const UniqueFd file(::openat(folder.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    // What fails here fails again for who wants to write here, and is told there.
    quick = quick || !file || now() - begin < kQuick;
  }
  for (const char* const name : {"1", "2", "3"}) ::unlinkat(folder.get(), name, 0);
  return quick;
}

}  // namespace

void make_roomy_directory(const fs::path& path) {
  place_trees_apart(path.parent_path());
  for (int tries = 1;; ++tries) {
    // A name that does not repeat: ext4 begins its search where the hash of the name says.
    TempDir candidate(path.parent_path(), ".new");
    if (tries < kMostTries && !creates_quickly(candidate.path())) continue;
    if (rename_if_absent(candidate.path(), path)) candidate.keep();
    return;
  }
}

}  // namespace moat
