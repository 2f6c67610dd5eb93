#include "envs/python/runtime_pack.h"

#include "envs/python/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <numeric>

namespace moat {

bool is_runtime_pack(const fs::path& pack, const std::vector<StoredFile>& files) {
  const std::uint64_t size =
      std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const StoredFile& file) { return sum + file.size; });
  struct stat facts {};
  return ::lstat(pack.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
         static_cast<std::uint64_t>(facts.st_size) == size && facts.st_mtim.tv_sec == kRuntimeMtime;
}

void write_runtime_pack(const fs::path& pack, const fs::path& tree, const std::vector<StoredFile>& files) {
  const UniqueFd out = open_file(pack, O_WRONLY | O_CREAT | O_EXCL, 0644);
  for (const StoredFile& file : files) write_all(out.get(), read_file(tree / file.path), pack);
  const timespec times[2] = {{kRuntimeMtime, 0}, {kRuntimeMtime, 0}};
  if (::futimens(out.get(), times) != 0) throw_errno("set the time of", pack, errno);
}

RuntimePack::RuntimePack(const fs::path& pack, const std::vector<StoredFile>& files) : pack_(pack) {
  ends_.reserve(files.size());
  std::uint64_t end = 0;
  for (const StoredFile& file : files) ends_.push_back(end += file.size);
}

std::string_view RuntimePack::bytes_of(std::size_t file) const {
  const std::uint64_t begin = file == 0 ? 0 : ends_[file - 1];
  return pack_.bytes().substr(begin, ends_[file] - begin);
}

}  // namespace moat
