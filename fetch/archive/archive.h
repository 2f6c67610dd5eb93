// Archives become directory trees. libarchive's only home: it reads tar files; zip files are inflated from
// their checked directory, on all cores, because libarchive trusts local headers and inflates with one.
#pragma once

#include "fetch/archive/stored_file.h"
#include "fetch/archive/zip_directory.h"
#include "fetch/os/file.h"
#include "resolver/pep/dist_filename.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moat {

// 1980-01-01, the first day of zip.
inline constexpr std::int64_t kEarliestTime = 315532800;

// Reads an open file, which must stay open; `name` is for errors.
ReadAt reader_of(int fd, std::string name);
// Reads bytes that stay where they are.
ReadAt reader_of(std::string_view bytes);

// A zip file being unpacked into a directory, in slices that several threads may unpack at once.
//   ZipUnpacking unpacking("foo.whl", open_file(…), tree, now);
//   workers.for_each(unpacking.slices(), [&](std::size_t slice) { unpacking.unpack(slice); });
class ZipUnpacking {
 public:
  // Reads and checks the zip directory: Error(BadArchive). Writes nothing.
  // `name`: of the archive, for messages. `latest`: no file gets a later time.
  ZipUnpacking(std::string name, UniqueFd archive, std::int64_t latest);
  // For an archive that is still arriving. `entries`: its directory, from parse_central_directory(). `read`
  // waits for bytes that are not here yet; a member's local header is checked when the member is read.
  ZipUnpacking(std::string name, ReadAt read, std::vector<ZipEntry> entries, std::int64_t latest);

  const std::vector<ZipEntry>& entries() const { return entries_; }
  std::uint64_t total_size() const;
  // One member in memory; Error(BadArchive) where it is longer than 64 MB.
  std::string read_member(const ZipEntry& entry) const;

  // Makes all directories inside `tree` (there, empty), once, before any slice.
  void make_directories(const fs::path& tree);
  std::size_t slices() const { return slices_.size(); }
  // The bytes of the archive that the slice covers. Slices of an arriving archive are in this order, and a
  // member that is inflated in pieces has its own slice.
  struct Span {
    std::uint64_t first = 0, end = 0;
    bool in_pieces = false;
  };
  Span span_of(std::size_t slice) const;
  // Writes the files of a slice: mode 0444 or 0555 (before the umask), time of the entry, never over an
  // existing file. Thread-safe for different slices.
  void unpack(std::size_t slice);
  // The unpacked files, in the order of entries() without its directories. REQUIRES: all slices are done.
  std::vector<StoredFile> take_files() { return std::move(files_); }

 private:
  void take_entries(std::vector<ZipEntry> entries);
  void make_slices();
  void make_slices_in_order();
  // With its data found.
  ZipEntry located(const ZipEntry& entry) const;

  std::string name_;
  UniqueFd archive_;  // of one that is here
  ReadAt read_;
  std::int64_t latest_;
  std::vector<ZipEntry> entries_;
  std::vector<const ZipEntry*> members_;                     // those that are files
  std::vector<StoredFile> files_;                            // one each
  std::vector<std::pair<std::size_t, std::size_t>> slices_;  // [first, last) of members_
  fs::path tree_;
  UniqueFd tree_fd_;
};

// Unpacks a source archive into the empty directory `into` and returns the folder with the sources: its only
// top-level directory, else `into` itself. Links that leave the tree, devices and names that leave it are
// Error(BadArchive); modes become 0644/0755. After a failure the caller removes the partial tree.
fs::path unpack_source(const fs::path& archive, ArchiveKind kind, const fs::path& into);

enum class TarFilter { None, Gzip, Bzip2, Xz, Zstd };
// The same for any tar file.
fs::path unpack_tar(const fs::path& archive, TarFilter filter, const fs::path& into);

}  // namespace moat
