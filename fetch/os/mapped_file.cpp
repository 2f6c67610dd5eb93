#include "fetch/os/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

namespace moat {

MappedFile::MappedFile(const fs::path& path) {
  const UniqueFd file = open_file(path, O_RDONLY);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) throw_errno("read", path, errno);
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0) return;  // cannot be mapped
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) throw_errno("read", path, errno);
  bytes_ = {static_cast<const char*>(memory), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

}  // namespace moat
