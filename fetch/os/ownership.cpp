#include "fetch/os/ownership.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace moat {
namespace {

namespace fs = std::filesystem;

template <class Trusts>
bool belongs(const fs::path& file, const Trusts& trusts) {
  struct stat itself {
  }, target{};
  return ::lstat(file.c_str(), &itself) == 0 && trusts(itself.st_uid) && ::stat(file.c_str(), &target) == 0 &&
         trusts(target.st_uid);
}

}  // namespace

bool is_ours(const fs::path& file) {
  return belongs(file, [](uid_t owner) { return owner == ::geteuid() || owner == 0; });
}

bool is_obeyed(const fs::path& file, const fs::path& working_directory) {
  struct stat here {};
  const bool counts = ::stat(working_directory.c_str(), &here) == 0 && (here.st_mode & S_IWOTH) == 0;
  return belongs(file, [&](uid_t owner) {
    return owner == ::geteuid() || owner == 0 || (counts && owner == here.st_uid);
  });
}

std::string owner_of(const fs::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) return "another user";
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  if (::getpwuid_r(status.st_uid, &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
    return fmt::format("uid {}", status.st_uid);
  return fmt::format("{} (uid {})", entry.pw_name, status.st_uid);
}

FoundUpwards find_upwards(const fs::path& working_directory, const std::string& name,
                          const std::function<bool(const fs::path&)>& is_one) {
  FoundUpwards out;
  for (fs::path folder = working_directory;; folder = folder.parent_path()) {
    const fs::path path = folder / name;
    if (is_one(path)) {
      if (is_obeyed(path, working_directory)) {
        out.path = path;
        return out;
      }
      out.passed_over.push_back(path);
    }
    if (folder == folder.parent_path()) return out;
  }
}

}  // namespace moat
