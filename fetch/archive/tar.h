// Uncompressed tar files that hold only regular files and folders: written so that the same members give the
// same bytes, read strictly, so that no other reader can see something else in them.
#pragma once

#include "fetch/os/file.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

struct TarEntry {
  std::string name;          // without a `/` at its end
  std::uint64_t offset = 0;  // of its first byte, in the file
  std::uint64_t size = 0;
  unsigned mode = 0644;  // permission bits
  bool is_folder = false;
};

// Every member, in order. Error(BadArchive) for a header whose checksum is wrong, links and devices, a name
// twice, sizes beyond the end of the file, padding that is not zero, a missing end, bytes after it, more than
// `most` members. `label`: names the file in messages.
std::vector<TarEntry> scan_tar(std::string_view bytes, const std::string& label, std::size_t most);
// The same of an open file.
std::vector<TarEntry> scan_tar(int fd, const std::string& label, std::size_t most);

// Members have no owner, and one common time unless another is given. A name or target that does not fit a
// header (100 bytes after a `/`, 155 before it) gets a pax header.
class TarWriter {
 public:
  using Sink = std::function<void(std::string_view)>;
  TarWriter(Sink sink, std::int64_t mtime) : sink_(std::move(sink)), mtime_(mtime) {}

  // A small member.
  void add(std::string_view name, std::string_view bytes, unsigned mode = 0644);
  void add_folder(std::string_view name, unsigned mode);
  void add_link(std::string_view name, std::string_view target);

  // A member in pieces: begin(), write() until `size` bytes are there, end().
  void begin(std::string_view name, std::uint64_t size, unsigned mode = 0644,
             std::optional<std::int64_t> mtime = std::nullopt);
  void write(std::string_view bytes);
  void end();

  void finish();  // the end of the archive

 private:
  struct Member;
  void put_header(const Member& member);
  void put_pax(const Member& member);

  Sink sink_;
  std::int64_t mtime_;
  std::uint64_t left_ = 0;     // of the member that is being written
  std::uint64_t padding_ = 0;  // after it
};

}  // namespace moat
