#include "envs/deploy/blob_archive.h"

#include "fetch/bytes/hasher.h"
#include "fetch/bytes/inflate.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

namespace moat {
namespace {

constexpr std::uint64_t kMostTextBytes = std::uint64_t{8} << 20U;
constexpr std::size_t kPiece = std::size_t{1} << 18U;
// What is longer, packed or unpacked, goes through a file; so does what would be too much beside what other
// archives hold.
constexpr std::uint64_t kMostPacked = std::uint64_t{32} << 20U, kMostHeld = std::uint64_t{128} << 20U;

// How much all threads together may hold.
class Budget {
 public:
  explicit Budget(std::uint64_t most) : most_(most) {}

  bool take(std::uint64_t size) {
    if ((held_ += size) <= most_) return true;
    give_back(size);
    return false;
  }
  void give_back(std::uint64_t size) { held_ -= size; }

 private:
  const std::uint64_t most_;
  std::atomic<std::uint64_t> held_ = 0;
};

Budget& budget_of_unpacked() {
  static Budget budget(kMostHeld);
  return budget;
}
Budget& budget_of_packed() {
  static Budget budget(kMostHeld / 2);
  return budget;
}

using Memory = std::shared_ptr<char>;

// In large pages where the system has them: thousands of small ones cost more than what they are filled with.
// nullptr: there is no more to be had.
Memory memory_for(std::uint64_t size) {
  if (size == 0 || !budget_of_unpacked().take(size)) return nullptr;
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    budget_of_unpacked().give_back(size);
    return nullptr;
  }
  ::madvise(memory, size, MADV_HUGEPAGE);
  return {static_cast<char*>(memory), [size](char* begin) {
            ::munmap(begin, size);
            budget_of_unpacked().give_back(size);
          }};
}

// A gzip stream that comes in pieces, and may be hostile: unpacked in memory, at once, where it is short,
// else into a file, as it comes.
class Unpacking {
 public:
  Unpacking(std::uint64_t limit, const fs::path& file) : limit_(limit), file_name_(file) {}
  ~Unpacking() { budget_of_packed().give_back(packed_.size()); }
  Unpacking(const Unpacking&) = delete;
  Unpacking& operator=(const Unpacking&) = delete;

  void take(std::string_view bytes) {
    if (!in_pieces_ && packed_.size() + bytes.size() <= kMostPacked &&
        budget_of_packed().take(bytes.size())) {
      packed_ += bytes;
      return;
    }
    begin_pieces();
    if (result_) result_ = in_pieces_->write(bytes);
  }

  Expected<BlobArchive::Contents> finish() {
    if (!in_pieces_)
      if (auto contents = at_once()) return *std::move(contents);
    begin_pieces();
    if (result_) result_ = in_pieces_->finish();
    if (!result_) return tl::unexpected(result_.error());
    auto file = std::make_shared<const MappedFile>(file_name_);
    return BlobArchive::Contents{file, file->bytes()};
  }

 private:
  void begin_pieces() {
    if (in_pieces_) return;
    file_ = open_file(file_name_, O_WRONLY | O_CREAT | O_EXCL, 0600);
    in_pieces_.emplace(limit_, [this](std::string_view bytes) { write_all(file_.get(), bytes, file_name_); });
    result_ = in_pieces_->write(packed_);
    budget_of_packed().give_back(packed_.size());
    std::string().swap(packed_);  // `= {}` would keep the memory
  }

  std::optional<BlobArchive::Contents> at_once() const {
    const std::optional<std::uint64_t> length = claimed_length(packed_);
    const Memory memory = length && *length <= limit_ ? memory_for(*length) : nullptr;
    if (!memory) return std::nullopt;
    const auto size = static_cast<std::size_t>(*length);
    if (!gunzip(packed_, {memory.get(), size})) return std::nullopt;
    return BlobArchive::Contents{memory, {memory.get(), size}};
  }

  std::uint64_t limit_;
  fs::path file_name_;
  std::string packed_;
  UniqueFd file_;
  std::optional<GzipReader> in_pieces_;
  Expected<void> result_;
};

}  // namespace

BlobArchiveWriter::BlobArchiveWriter(const fs::path& file, std::int64_t mtime)
    : path_(file),
      fd_(open_file(file, O_WRONLY | O_CREAT | O_EXCL)),
      gzip_([this](std::string_view bytes) { write_all(fd_.get(), bytes, path_); }),
      tar_([this](std::string_view bytes) { gzip_.write(bytes); }, mtime) {}

void BlobArchiveWriter::add_file(std::string_view name, const fs::path& file, std::uint64_t size,
                                 bool executable) {
  const UniqueFd input = open_file(file, O_RDONLY);
  tar_.begin(name, size, executable ? 0755U : 0644U);
  std::string buffer(kPiece, '\0');
  for (;;) {
    const ssize_t count = ::read(input.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", file, errno);
    if (count == 0) break;
    tar_.write({buffer.data(), static_cast<std::size_t>(count)});
  }
  tar_.end();
}

void BlobArchiveWriter::finish() {
  tar_.finish();
  gzip_.finish();
}

bool is_inside(std::string_view path) {
  for (const std::string_view part : split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return path.find('\0') == std::string_view::npos;
}

BlobArchive::BlobArchive(std::string what, const PassBlob& pass, const fs::path& folder, const Limits& limits)
    : what_(std::move(what)), file_name_(folder / "blob.tar") {
  Unpacking unpacking(limits.bytes, file_name_);
  pass([&](std::string_view bytes) { unpacking.take(bytes); });
  auto contents = unpacking.finish();
  if (!contents) refuse(contents.error().message);
  contents_ = *std::move(contents);
  for (TarEntry& entry : scan_tar(contents_.bytes, what_, limits.files)) {
    if (entry.is_folder) refuse("it lists folders");
    entries_.emplace(entry.name, entry);
  }
}

void BlobArchive::refuse(std::string_view why) const {
  throw Error(ErrorKind::BadArchive, fmt::format("{} is refused: {}", what_, why));
}

std::string BlobArchive::text(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) refuse(fmt::format("it has no {}", name));
  if (found->second.size > kMostTextBytes) refuse(fmt::format("{} is too large", name));
  return std::string(bytes(found->second));
}

namespace {

// No need to verify them once more: the archive was verified while it was copied to a file of our own.
class BlobFiles final : public PackedFiles {
 public:
  BlobFiles(std::shared_ptr<const BlobArchive> archive, std::string prefix)
      : archive_(std::move(archive)), prefix_(std::move(prefix)) {}
  std::unique_ptr<Reader> reader() const override { return std::make_unique<BlobReader>(*this); }

 private:
  class BlobReader final : public Reader {
   public:
    explicit BlobReader(const BlobFiles& files) : files_(files) {}
    void read(std::string_view path, const Sink& sink) override {
      sink(files_.archive_->bytes(files_.archive_->entries().at(files_.prefix_ + std::string(path))));
    }

   private:
    const BlobFiles& files_;
  };

  std::shared_ptr<const BlobArchive> archive_;
  std::string prefix_;
};

}  // namespace

std::shared_ptr<const PackedFiles> BlobArchive::files(std::shared_ptr<const BlobArchive> archive,
                                                      std::string prefix) {
  return std::make_shared<BlobFiles>(std::move(archive), std::move(prefix));
}

Digest BlobArchive::hash(const TarEntry& entry) const { return hash_bytes(bytes(entry)); }

void BlobArchive::save(const TarEntry& entry, const fs::path& file, mode_t mode) const {
  const UniqueFd to = open_file(file, O_WRONLY | O_CREAT | O_EXCL, mode);
  write_all(to.get(), bytes(entry), file);
}

}  // namespace moat
