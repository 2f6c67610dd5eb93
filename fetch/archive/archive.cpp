#include "fetch/archive/archive.h"

#include "fetch/archive/archive_library.h"
#include "fetch/bytes/hasher.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace moat {

namespace {

[[noreturn]] void refuse(std::string_view archive, std::string_view why) {
  throw Error(ErrorKind::BadArchive, fmt::format("cannot unpack {}: {}", quote(archive), why));
}

void set_time(int fd, std::int64_t mtime, const fs::path& path) {
  const timespec time{.tv_sec = mtime, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  if (::futimens(fd, times) != 0) throw_errno("set the time of", path, errno);
}

bool is_in_pieces(const ZipEntry& entry) {
  return entry.size > kWholeMember || entry.compressed_size > kWholeMember;
}

// All directories that must be there for `entries`, parents first.
std::set<std::string> directories_of(const std::vector<ZipEntry>& entries) {
  std::set<std::string> directories;
  for (const ZipEntry& entry : entries) {
    std::string_view path = entry.name;
    for (std::size_t slash = path.rfind('/'); slash != path.npos; slash = path.rfind('/')) {
      path = path.substr(0, slash);
      if (!directories.emplace(path).second) break;
    }
  }
  return directories;
}

}  // namespace

ReadAt reader_of(int fd, std::string name) {
  return [fd, name = std::move(name)](std::uint64_t offset, std::span<std::byte> into) {
    std::size_t used = 0;
    while (used < into.size()) {
      const ssize_t got =
          ::pread(fd, into.data() + used, into.size() - used, static_cast<off_t>(offset + used));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno("read", name, errno);
      if (got == 0) break;
      used += static_cast<std::size_t>(got);
    }
    return used;
  };
}

ReadAt reader_of(std::string_view bytes) {
  return [bytes](std::uint64_t offset, std::span<std::byte> into) {
    const std::string_view from = bytes.substr(std::min<std::uint64_t>(offset, bytes.size()), into.size());
    std::ranges::copy(std::as_bytes(std::span(from)), into.begin());
    return from.size();
  };
}

// --- zip ---

ZipUnpacking::ZipUnpacking(std::string name, UniqueFd archive, std::int64_t latest)
    : name_(std::move(name)), archive_(std::move(archive)), latest_(std::max(latest, kEarliestTime)) {
  struct stat status {};
  if (::fstat(archive_.get(), &status) != 0) throw_errno("read", name_, errno);
  read_ = reader_of(archive_.get(), name_);
  auto entries = read_zip_directory(read_, static_cast<std::uint64_t>(status.st_size));
  if (!entries) refuse(name_, entries.error().message);
  take_entries(std::move(*entries));
  make_slices();
}

ZipUnpacking::ZipUnpacking(std::string name, ReadAt read, std::vector<ZipEntry> entries, std::int64_t latest)
    : name_(std::move(name)), read_(std::move(read)), latest_(std::max(latest, kEarliestTime)) {
  take_entries(std::move(entries));
  make_slices_in_order();
}

void ZipUnpacking::take_entries(std::vector<ZipEntry> entries) {
  entries_ = std::move(entries);
  for (const ZipEntry& entry : entries_)
    if (!entry.is_directory()) members_.push_back(&entry);
  files_.resize(members_.size());
}

// Slices of about 4 MB of work; creating a file counts as some of it. Heavy slices begin first, so that no
// thread is left alone with the largest file at the end.
void ZipUnpacking::make_slices() {
  constexpr std::uint64_t kSlice = 4U << 20U, kFile = 16U << 10U;
  std::vector<std::pair<std::uint64_t, std::pair<std::size_t, std::size_t>>> weighed;
  std::uint64_t weight = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    weight += members_[i]->size + kFile;
    if (weight < kSlice && i + 1 < members_.size()) continue;
    weighed.push_back({weight, {first, i + 1}});
    weight = 0;
    first = i + 1;
  }
  std::stable_sort(weighed.begin(), weighed.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& slice : weighed) slices_.push_back(slice.second);
}

void ZipUnpacking::make_slices_in_order() {
  constexpr std::uint64_t kSlice = 4U << 20U, kFile = 16U << 10U;
  std::uint64_t weight = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const bool alone = is_in_pieces(*members_[i]) || (i > 0 && is_in_pieces(*members_[i - 1]));
    if (slices_.empty() || alone || weight >= kSlice) {
      slices_.emplace_back(i, i);
      weight = 0;
    }
    weight += members_[i]->size + kFile;
    slices_.back().second = i + 1;
  }
}

ZipUnpacking::Span ZipUnpacking::span_of(std::size_t slice) const {
  const ZipEntry& first = *members_[slices_[slice].first];
  const ZipEntry& last = *members_[slices_[slice].second - 1];
  return {first.header_offset, last.header_offset + last.record_size, is_in_pieces(first)};
}

ZipEntry ZipUnpacking::located(const ZipEntry& entry) const {
  ZipEntry out = entry;
  if (out.data_offset != 0) return out;
  if (const auto found = find_member_data(read_, out); !found) refuse(name_, found.error().message);
  return out;
}

std::uint64_t ZipUnpacking::total_size() const {
  std::uint64_t total = 0;
  for (const ZipEntry& entry : entries_) total += entry.size;
  return total;
}

std::string ZipUnpacking::read_member(const ZipEntry& entry) const {
  constexpr std::uint64_t kLongest = 64ULL << 20U;
  if (entry.size > kLongest) refuse(name_, fmt::format("entry {} is too long to be read", quote(entry.name)));
  std::string contents;
  const auto read =
      MemberReader(read_).read(located(entry), [&](std::string_view piece) { contents += piece; });
  if (!read) refuse(name_, read.error().message);
  return contents;
}

void ZipUnpacking::make_directories(const fs::path& tree) {
  tree_ = tree;
  tree_fd_ = open_file(tree, O_PATH | O_DIRECTORY);
  for (const std::string& directory : directories_of(entries_))
    if (::mkdirat(tree_fd_.get(), directory.c_str(), 0777) != 0)
      throw_errno("create", tree_ / directory, errno);
}

void ZipUnpacking::unpack(std::size_t slice) {
  MemberReader members(read_);
  for (std::size_t i = slices_[slice].first; i < slices_[slice].second; ++i) {
    const ZipEntry entry = located(*members_[i]);
    const mode_t mode = entry.executable() ? 0555 : 0444;
    const UniqueFd file(::openat(tree_fd_.get(), entry.name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) throw_errno("create", tree_ / entry.name, errno);
    Hasher hasher;
    const auto read = members.read(entry, [&](std::string_view piece) {
      hasher.update(piece);
      write_all(file.get(), piece, tree_ / entry.name);
    });
    if (!read) refuse(name_, read.error().message);
    const std::int64_t mtime = std::clamp(entry.mtime, kEarliestTime, latest_);
    set_time(file.get(), mtime, tree_ / entry.name);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) throw_errno("look at", tree_ / entry.name, errno);
    files_[i] = StoredFile{.path = entry.name,
                           .digest = hasher.finish(),
                           .size = entry.size,
                           .executable = entry.executable(),
                           .mtime = mtime,
                           .inode = status.st_ino};
  }
}

// --- tar ---

const ArchiveLibrary& libarchive() {
  static const ArchiveLibrary library;
  return library;
}

namespace {

struct ArchiveFree {
  void operator()(::archive* handle) const { libarchive().read_free(handle); }
};
using ArchiveHandle = std::unique_ptr<::archive, ArchiveFree>;

// "a//./b/" is {a, b}; nullopt where ".." climbs out of the tree.
std::optional<std::vector<std::string>> components(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (parts.empty()) return std::nullopt;
      parts.pop_back();
    } else {
      parts.emplace_back(part);
    }
  }
  return parts;
}

// Writes the entries of one tar file. The tree is empty at first and nobody else writes to it, so every link
// in it is known.
class TarUnpacking {
 public:
  TarUnpacking(const fs::path& archive, TarFilter filter, fs::path tree)
      : name_(archive.filename().string()), tree_(std::move(tree)), handle_(libarchive().read_new()) {
    if (!handle_) throw std::bad_alloc();
    libarchive().read_support_format_tar(handle_.get());
    // One filter: a file named .tar.gz must be exactly that.
    switch (filter) {
      case TarFilter::Gzip:
        libarchive().read_support_filter_gzip(handle_.get());
        break;
      case TarFilter::Bzip2:
        libarchive().read_support_filter_bzip2(handle_.get());
        break;
      case TarFilter::Xz:
        libarchive().read_support_filter_xz(handle_.get());
        libarchive().read_support_filter_lzma(handle_.get());
        break;
      case TarFilter::Zstd:
        libarchive().read_support_filter_zstd(handle_.get());
        break;
      case TarFilter::None:
        break;
    }
    const UniqueFd probe = open_file(archive, O_RDONLY);  // says why it cannot be read
    struct stat status {};
    if (::fstat(probe.get(), &status) != 0) throw_errno("read", archive, errno);
    const ZipLimits limits;
    most_ = std::max(limits.ratio_matters, static_cast<std::uint64_t>(status.st_size) * limits.ratio);
    constexpr std::size_t kBlock = 1U << 18U;
    if (libarchive().read_open_filename(handle_.get(), archive.c_str(), kBlock) != ARCHIVE_OK) fail();
  }

  void run() {
    archive_entry* entry = nullptr;
    for (;;) {
      const int result = libarchive().read_next_header(handle_.get(), &entry);
      if (result == ARCHIVE_EOF) break;
      // Warnings are about text that does not fit the C locale; the bytes are still read.
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) fail();
      unpack(entry);
    }
    check_links();
  }

 private:
  [[noreturn]] void fail() const {
    const char* reason = libarchive().error_string(handle_.get());
    refuse(name_, reason ? reason : "it is damaged");
  }
  [[noreturn]] void refuse_entry(std::string_view entry, std::string_view why) const {
    refuse(name_, fmt::format("entry {} {}", quote(entry), why));
  }

  // The name as UTF-8, or its raw bytes if it is not UTF-8.
  static std::string text(const char* utf8, const char* bytes) { return utf8 ? utf8 : bytes ? bytes : ""; }

  void unpack(archive_entry* entry) {
    const std::string name =
        text(libarchive().entry_pathname_utf8(entry), libarchive().entry_pathname(entry));
    const auto parts = components(name);
    if (!parts) refuse_entry(name, "leaves the archive");
    const std::string path = make_parents(*parts, name);
    if (libarchive().entry_hardlink(entry) || libarchive().entry_hardlink_utf8(entry))
      return link_file(path, name,
                       text(libarchive().entry_hardlink_utf8(entry), libarchive().entry_hardlink(entry)));
    switch (libarchive().entry_filetype(entry)) {
      case AE_IFDIR:
        return make_directory(path, name);
      case AE_IFREG:
        return write_file(entry, path, name);
      case AE_IFLNK:
        return link_symbolically(
            path, name, text(libarchive().entry_symlink_utf8(entry), libarchive().entry_symlink(entry)));
      default:
        refuse_entry(name, "is neither a file, a directory nor a link");
    }
  }

  // Creates the entry's parent directories and returns its whole path.
  std::string make_parents(const std::vector<std::string>& parts, std::string_view name) {
    std::string path;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i != 0) {
        make_directory(path, name);
        path += '/';
      }
      path += parts[i];
    }
    return path;
  }

  void make_directory(const std::string& path, std::string_view name) {
    if (path.empty() || directories_.contains(path)) return;
    if (links_.contains(path)) refuse_entry(name, "goes through a symbolic link");
    if (::mkdir((tree_ / path).c_str(), 0777) != 0) {
      if (errno == EEXIST) refuse_entry(name, "needs a directory where a file is");
      throw_errno("create", tree_ / path, errno);
    }
    directories_.insert(path);
  }

  // Later entries replace earlier ones, as in every tar.
  void make_room(const std::string& path, std::string_view name) {
    if (path.empty() || directories_.contains(path)) refuse_entry(name, "is a file where a directory is");
    if (::unlink((tree_ / path).c_str()) == 0)
      links_.erase(path);
    else if (errno != ENOENT)
      throw_errno("replace", tree_ / path, errno);
  }

  void write_file(archive_entry* entry, const std::string& path, std::string_view name) {
    make_room(path, name);
    const fs::path target = tree_ / path;
    const mode_t mode = (libarchive().entry_perm(entry) & S_IXUSR) != 0 ? 0777 : 0666;
    const UniqueFd file = open_file(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0, end = 0;
    for (;;) {
      const int result = libarchive().read_data_block(handle_.get(), &block, &size, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) fail();
      total_ += size;
      if (total_ > most_) refuse(name_, fmt::format("it would unpack to more than {} bytes", most_));
      if (offset != end && ::lseek(file.get(), offset, SEEK_SET) < 0) throw_errno("write", target, errno);
      write_all(file.get(), {static_cast<const char*>(block), size}, target);
      end = offset + static_cast<la_int64_t>(size);
    }
    // A hole at the end has no block.
    if (libarchive().entry_size(entry) > end && ::ftruncate(file.get(), libarchive().entry_size(entry)) != 0)
      throw_errno("write", target, errno);
    if (libarchive().entry_mtime_is_set(entry) != 0)
      set_time(file.get(), std::max<std::int64_t>(libarchive().entry_mtime(entry), kEarliestTime), target);
  }

  void link_file(const std::string& path, std::string_view name, const std::string& target) {
    const auto parts = components(target);
    if (!parts || parts->empty()) refuse_entry(name, "is a hard link that leaves the archive");
    std::string from;
    for (const std::string& part : *parts) {
      if (links_.contains(from)) refuse_entry(name, "is a hard link through a symbolic link");
      from += from.empty() ? part : "/" + part;
    }
    if (from == path) return;
    make_room(path, name);
    if (::link((tree_ / from).c_str(), (tree_ / path).c_str()) != 0) {
      if (errno == ENOENT || errno == EPERM)
        refuse_entry(name, fmt::format("is a link to {}, which it does not contain", quote(target)));
      throw_errno("link", tree_ / path, errno);
    }
    if (const auto link = links_.find(from); link != links_.end()) links_.emplace(path, link->second);
  }

  void link_symbolically(const std::string& path, std::string_view name, const std::string& target) {
    if (target.empty() || target.front() == '/')
      refuse_entry(name, "is a symbolic link that leaves the archive");
    make_room(path, name);
    if (::symlink(target.c_str(), (tree_ / path).c_str()) != 0) throw_errno("link", tree_ / path, errno);
    links_.emplace(path, target);
  }

  // The target of a link depends on other links on its way, earlier or later ones: followed here once all are
  // known, by name alone, so that dangling links are followed too. Nothing was written through a link.
  void check_links() const {
    for (const auto& [link, target] : links_)
      if (!stays_inside(link)) refuse_entry(link, "is a symbolic link that leaves the archive");
  }

  bool stays_inside(const std::string& link) const {
    constexpr int kMostLinks = 40;        // as many as the kernel follows
    std::vector<std::string> ahead, way;  // ahead: next one last
    const auto put_ahead = [&](std::string_view path) {
      const auto parts = split(path, '/');
      ahead.insert(ahead.end(), parts.rbegin(), parts.rend());
    };
    put_ahead(link);
    for (int followed = 0; !ahead.empty();) {
      const std::string part = std::move(ahead.back());
      ahead.pop_back();
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        if (way.empty()) return false;
        way.pop_back();
        continue;
      }
      way.push_back(part);
      const auto next = links_.find(join(way, "/"));
      if (next == links_.end()) continue;
      if (++followed > kMostLinks) return false;
      way.pop_back();
      put_ahead(next->second);
    }
    return true;
  }

  std::string name_;
  fs::path tree_;
  ArchiveHandle handle_;
  std::set<std::string> directories_;
  std::map<std::string, std::string> links_;  // symbolic ones: path to target
  std::uint64_t total_ = 0, most_ = 0;
};

void unpack_source_zip(const fs::path& archive, const fs::path& into) {
  ZipUnpacking unpacking(archive.filename().string(), open_file(archive, O_RDONLY),
                         std::numeric_limits<std::int64_t>::max());
  unpacking.make_directories(into);
  for (std::size_t slice = 0; slice < unpacking.slices(); ++slice) unpacking.unpack(slice);
  // Sources are unpacked to be built in: files that the store makes read-only are writable here.
  for (const StoredFile& file : unpacking.take_files())
    fs::permissions(into / file.path, fs::perms::owner_write, fs::perm_options::add);
}

TarFilter filter_of(ArchiveKind kind) {
  switch (kind) {
    case ArchiveKind::TarGz:
      return TarFilter::Gzip;
    case ArchiveKind::TarBz2:
      return TarFilter::Bzip2;
    case ArchiveKind::TarXz:
      return TarFilter::Xz;
    case ArchiveKind::Tar:
    case ArchiveKind::Zip:
      break;
  }
  return TarFilter::None;
}

// Its only directory, or the whole tree.
fs::path top_of(const fs::path& into, const fs::path& archive) {
  fs::directory_iterator entry(into);
  if (entry == fs::directory_iterator()) refuse(archive.filename().string(), "it is empty");
  const fs::path first = entry->path();
  const bool only_directory =
      entry->is_directory() && !entry->is_symlink() && ++entry == fs::directory_iterator();
  return only_directory ? first : into;
}

}  // namespace

fs::path unpack_source(const fs::path& archive, ArchiveKind kind, const fs::path& into) {
  if (kind == ArchiveKind::Zip)
    unpack_source_zip(archive, into);
  else
    TarUnpacking(archive, filter_of(kind), into).run();
  return top_of(into, archive);
}

fs::path unpack_tar(const fs::path& archive, TarFilter filter, const fs::path& into) {
  TarUnpacking(archive, filter, into).run();
  return top_of(into, archive);
}

}  // namespace moat
