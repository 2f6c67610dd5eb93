#include "fetch/archive/archive_writer.h"

#include "fetch/archive/archive_library.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>

namespace moat {
namespace {

struct ArchiveClose {
  void operator()(::archive* handle) const { libarchive().write_free(handle); }
};
struct EntryFree {
  void operator()(::archive_entry* entry) const { libarchive().entry_free(entry); }
};

class ZipWriter {
 public:
  explicit ZipWriter(const fs::path& file) : file_(file), handle_(libarchive().write_new()) {
    if (!handle_) throw std::bad_alloc();
    check(libarchive().write_set_format_zip(handle_.get()));
    check(libarchive().write_set_bytes_in_last_block(handle_.get(), 1));  // no padding
    check(libarchive().write_open_filename(handle_.get(), file.c_str()));
  }

  void add(const StoredFile& member, const fs::path& source) {
    const UniqueFd input(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!input || ::fstat(input.get(), &status) != 0) throw_errno("read", source, errno);
    const std::unique_ptr<::archive_entry, EntryFree> entry(libarchive().entry_new());
    libarchive().entry_set_pathname_utf8(entry.get(), member.path.c_str());
    libarchive().entry_set_size(entry.get(), status.st_size);
    // The member gets the time 1980-01-01; any other would depend on the time zone.
    libarchive().entry_set_mode(entry.get(),
                                static_cast<mode_t>(S_IFREG | (member.executable ? 0755 : 0644)));
    check(libarchive().write_header(handle_.get(), entry.get()));
    copy(input, source);
    check(libarchive().write_finish_entry(handle_.get()));
  }

  void close() { check(libarchive().write_close(handle_.get())); }

 private:
  void copy(const UniqueFd& input, const fs::path& source) {
    std::array<char, 1U << 16U> block;
    for (;;) {
      const ssize_t size = ::read(input.get(), block.data(), block.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) throw_errno("read", source, errno);
      if (size == 0) return;
      if (libarchive().write_data(handle_.get(), block.data(), static_cast<std::size_t>(size)) != size)
        fail();
    }
  }

  void check(int result) {
    if (result != ARCHIVE_OK) fail();
  }
  [[noreturn]] void fail() {
    const char* reason = libarchive().error_string(handle_.get());
    throw Error(ErrorKind::Disk, fmt::format("cannot write {}: {}", file_.native(),
                                             reason != nullptr ? reason : "libarchive gives no reason"));
  }

  const fs::path& file_;
  std::unique_ptr<::archive, ArchiveClose> handle_;
};

}  // namespace

void write_zip(const fs::path& file, const fs::path& tree, const std::vector<StoredFile>& members) {
  ZipWriter writer(file);
  for (const StoredFile& member : members) writer.add(member, tree / member.path);
  writer.close();
}

}  // namespace moat
