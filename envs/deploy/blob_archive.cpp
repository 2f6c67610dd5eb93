#include "envs/deploy/blob_archive.h"

#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace moat {
namespace {

constexpr std::uint64_t kMostTextBytes = std::uint64_t{8} << 20U;
constexpr std::size_t kPiece = std::size_t{1} << 18U;

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
  file_ = open_file(file_name_, O_RDWR | O_CREAT | O_EXCL, 0600);
  GzipReader reader(limits.bytes, [&](std::string_view bytes) { write_all(file_.get(), bytes, file_name_); });
  Expected<void> result;
  pass([&](std::string_view bytes) {
    if (result) result = reader.write(bytes);
  });
  if (result) result = reader.finish();
  if (!result) refuse(result.error().message);
  for (TarEntry& entry : scan_tar(file_.get(), what_, limits.files)) {
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
  std::string out;
  pass(found->second, [&](std::string_view piece) { out.append(piece); });
  return out;
}

std::string BlobArchive::head(const TarEntry& entry, std::size_t most) const {
  TarEntry begin = entry;
  begin.size = std::min<std::uint64_t>(entry.size, most);
  std::string out;
  pass(begin, [&](std::string_view piece) { out.append(piece); });
  return out;
}

void BlobArchive::pass(const TarEntry& entry, const std::function<void(std::string_view)>& sink) const {
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, entry.size)), '\0');
  for (std::uint64_t at = 0; at < entry.size;) {
    const ssize_t count =
        ::pread(file_.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), entry.size - at),
                static_cast<off_t>(entry.offset + at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw_errno("read", file_name_, count < 0 ? errno : EIO);
    sink({buffer.data(), static_cast<std::size_t>(count)});
    at += static_cast<std::uint64_t>(count);
  }
}

void BlobArchive::save(const TarEntry& entry, const fs::path& file, mode_t mode) const {
  const UniqueFd to = open_file(file, O_WRONLY | O_CREAT | O_EXCL, mode);
  pass(entry, [&](std::string_view piece) { write_all(to.get(), piece, file); });
}

}  // namespace moat
