// How a file of the store is placed in an environment.
#pragma once

#include "fetch/archive/packed_files.h"

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace moat {

// Auto clones if the file system can, else copies: nothing is shared unless asked for. SharedBinaries
// hard-links big files that are not Python's own, and places all others as Auto does.
enum class LinkMode { Auto, Clone, Copy, SharedBinaries, Hardlink, Symlink };
// From this size on, in bytes.
inline constexpr std::uint64_t kBigBinary = std::uint64_t{1} << 20U;
// The mode for this file of a package: any but SharedBinaries.
LinkMode link_mode_for(LinkMode mode, std::string_view path, std::uint64_t size);
// Do the file systems of these folders allow hard links from one to the other? False if one does not
// exist.
bool is_one_file_system(const std::filesystem::path& a, const std::filesystem::path& b);

// As throw_errno, of a file in an open directory.
[[noreturn]] void throw_errno_in(std::string_view doing, int directory, const char* name, int error_number);

// A file to be made.
struct NewFile {
  int directory;       // open
  const char* name;    // must not exist
  unsigned mode;       // less the umask
  std::int64_t mtime;  // unix seconds
};
// Error(Disk).
void write_new_file(const NewFile& file, std::string_view bytes);
// The same with a file of an archive.
void write_new_file(const NewFile& file, PackedFiles::Reader& from, std::string_view path);

// Error(Disk). Returns false if the file system has no symbolic links (FAT, some network shares).
bool make_symbolic_link(const std::filesystem::path& target, const std::filesystem::path& path);

// A file of the store and its destination.
struct FilePlacement {
  int from_directory;  // open, or AT_FDCWD where `from` is absolute
  const char* from;
  NewFile to;  // mode and mtime of clones and copies; links keep those of the store
};

// Can files in this folder be cloned? Tries it.
bool clones_files(const std::filesystem::path& folder);

// Places files; remembers per instance whether cloning works, and copies of it remember with it. One thread
// at a time (one instance a worker).
class Linker {
 public:
  // Any but SharedBinaries, which is resolved to another mode for each file.
  explicit Linker(LinkMode mode) : mode_(mode) {}
  // Error(Disk).
  void place(const FilePlacement& file);

 private:
  bool clone(int from, int to, const FilePlacement& file);
  LinkMode mode_;
  bool clone_works_ = true;
};

}  // namespace moat
