// All files of a runtime in one file, one after the other in the order of its list: copying a thousand small
// files opens one instead of a thousand, and reads none of it twice.
#pragma once

#include "fetch/os/mapped_file.h"
#include "fetch/stored_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace moat {

// Is the file there what write_runtime_pack made for this list? By its size and time.
bool is_runtime_pack(const std::filesystem::path& pack, const std::vector<StoredFile>& files);
// Error(Disk). REQUIRES: `files` are what lies in `tree`.
void write_runtime_pack(const std::filesystem::path& pack, const std::filesystem::path& tree,
                        const std::vector<StoredFile>& files);

// Error(Disk) where it cannot be read. REQUIRES: is_runtime_pack(pack, files).
class RuntimePack {
 public:
  RuntimePack(const std::filesystem::path& pack, const std::vector<StoredFile>& files);
  std::string_view bytes_of(std::size_t file) const;  // by its place in the list

 private:
  MappedFile pack_;
  std::vector<std::uint64_t> ends_;  // of each file
};

}  // namespace moat
