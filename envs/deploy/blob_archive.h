// A tar+gzip of regular files, the format of a bundle's blobs: the same files give the same bytes, and
// reading goes through a temporary file, with limits.
#pragma once

#include "fetch/archive/packed_files.h"
#include "fetch/archive/tar.h"
#include "fetch/bytes/gzip.h"
#include "fetch/os/file.h"
#include "fetch/os/mapped_file.h"
#include "resolver/files/digest.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace moat {

// Reads a blob once, in pieces; it is verified when this returns.
using PassBlob = std::function<void(const std::function<void(std::string_view)>& sink)>;

class BlobArchiveWriter {
 public:
  // Writes a file that does not exist yet.
  BlobArchiveWriter(const std::filesystem::path& file, std::int64_t mtime);
  void add(std::string_view name, std::string_view bytes) { tar_.add(name, bytes); }
  void add_file(std::string_view name, const std::filesystem::path& file, std::uint64_t size,
                bool executable);
  void finish();

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
  GzipWriter gzip_;
  TarWriter tar_;
};

class BlobArchive {
 public:
  struct Limits {
    std::uint64_t bytes = 0;  // of all members, with their headers
    std::size_t files = 0;
  };
  // Unpacked: in memory, or a file that has no name any more.
  struct Contents {
    std::shared_ptr<const void> holder;
    std::string_view bytes;
  };
  // `what`: "the Python in the bundle". `folder`: for temporary files. Error(BadArchive).
  BlobArchive(std::string what, const PassBlob& pass, const std::filesystem::path& folder,
              const Limits& limits);

  const std::map<std::string, TarEntry, std::less<>>& entries() const { return entries_; }
  std::string text(std::string_view name) const;  // of a small member
  // REQUIRES: one of entries(). As long as the archive lives.
  std::string_view bytes(const TarEntry& entry) const {
    return contents_.bytes.substr(entry.offset, entry.size);  // scan_tar() saw that they are there
  }
  Digest hash(const TarEntry& entry) const;
  // Writes into a file that does not exist yet.
  void save(const TarEntry& entry, const std::filesystem::path& file, mode_t mode) const;
  [[noreturn]] void refuse(std::string_view why) const;
  // As files, by their names without this beginning. The archive lives as long as they do.
  static std::shared_ptr<const PackedFiles> files(std::shared_ptr<const BlobArchive> archive,
                                                  std::string prefix);

 private:
  std::string what_;
  std::filesystem::path file_name_;
  Contents contents_;
  std::map<std::string, TarEntry, std::less<>> entries_;
};

// Is this an allowed name in the archive? Nothing may leave the folder that it is unpacked into.
bool is_inside(std::string_view path);

}  // namespace moat
