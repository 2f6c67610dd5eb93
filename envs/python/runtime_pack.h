// All files of a runtime in one file, one after the other in the order of its list: copying a thousand small
// files opens one instead of a thousand, and reads none of it twice.
#pragma once

#include "fetch/archive/stored_file.h"
#include "fetch/os/mapped_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace moat {

// Was this file written by write_runtime_pack for this list? By its size and time.
bool is_runtime_pack(const std::filesystem::path& pack, const std::vector<StoredFile>& files);
// Error(Disk). REQUIRES: `files` are what lies in `tree`.
void write_runtime_pack(const std::filesystem::path& pack, const std::filesystem::path& tree,
                        const std::vector<StoredFile>& files);

// Error(Disk) where it cannot be read.
class RuntimePack {
 public:
  RuntimePack(const std::filesystem::path& pack, const std::vector<StoredFile>& files);
  // false: it belongs to another list, since the runtime got its bytecode meanwhile.
  bool fits() const { return pack_.bytes().size() == (ends_.empty() ? 0 : ends_.back()); }
  // REQUIRES: fits().
  std::string_view bytes_of(std::size_t file) const;  // by its place in the list

 private:
  MappedFile pack_;
  std::vector<std::uint64_t> ends_;  // of each file
};

}  // namespace moat
