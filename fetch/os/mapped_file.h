// A whole file as memory, for reading.
#pragma once

#include "fetch/os/file.h"

#include <cstddef>
#include <string_view>

namespace moat {

// REQUIRES: nobody shortens the file meanwhile (files in the store never change).
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;  // empty: nothing is mapped
};

}  // namespace moat
