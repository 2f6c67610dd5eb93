#include "fetch/archive/packed_wheel.h"

#include "fetch/archive/archive.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/mapped_file.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace moat {
namespace {

[[noreturn]] void refuse(const std::string& filename, std::string_view why) {
  throw Error(ErrorKind::BadArchive, fmt::format("cannot use {}: {}", quote(filename), why));
}

struct Member {
  ZipEntry entry;
  Digest digest;
};

class Members final : public PackedFiles {
 public:
  Members(const fs::path& file, std::string filename) : file_(file), filename_(std::move(filename)) {}

  std::string_view bytes() const { return file_.bytes(); }
  ReadAt read_at() const { return reader_of(file_.bytes()); }
  void add(const ZipEntry& entry, Digest digest) {
    members_.emplace(entry.name, Member{entry, std::move(digest)});
  }
  std::unique_ptr<Reader> reader() const override { return std::make_unique<MembersReader>(*this); }

 private:
  class MembersReader final : public Reader {
   public:
    explicit MembersReader(const Members& wheel) : wheel_(wheel), members_(wheel.read_at()) {}

    void read(std::string_view path, const Sink& sink) override {
      const Member& member = wheel_.members_.at(std::string(path));
      Hasher hasher;
      const auto read = members_.read(member.entry, [&](std::string_view piece) {
        hasher.update(piece);
        sink(piece);
      });
      if (!read) refuse(wheel_.filename_, read.error().message);
      if (hasher.finish() != member.digest)
        refuse(wheel_.filename_, fmt::format("its RECORD has a different hash for {}", quote(path)));
    }

   private:
    const Members& wheel_;
    MemberReader members_;
  };

  MappedFile file_;
  std::string filename_;
  std::unordered_map<std::string, Member> members_;
};

// nullopt: the row has none.
std::optional<Digest> digest_of(const RecordEntry& row, const ZipEntry& entry) {
  if (row.algorithm != "sha256" || row.size.value_or(entry.size) != entry.size) return std::nullopt;
  std::string_view hash = row.hash;
  while (hash.ends_with('=')) hash.remove_suffix(1);
  const Expected<std::string> bytes = from_base64url(hash);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  Digest digest{"sha256", to_hex(*bytes)};
  return agrees(row, digest) ? std::optional(std::move(digest)) : std::nullopt;
}

}  // namespace

std::optional<PackedWheel> open_packed_wheel(const fs::path& file, const std::string& filename,
                                             const WheelFilename& name, std::int64_t latest) {
  const auto members = std::make_shared<Members>(file, filename);
  const auto entries = read_zip_directory(members->read_at(), members->bytes().size());
  if (!entries) refuse(filename, entries.error().message);
  std::string record;  // the only file without a row
  auto contents = check_wheel(*entries, name, [&](const ZipEntry& entry) {
    constexpr std::uint64_t kLongest = 64ULL << 20U;
    if (entry.size > kLongest) refuse(filename, fmt::format("entry {} is too long", quote(entry.name)));
    std::string text;
    const auto read =
        MemberReader(members->read_at()).read(entry, [&](std::string_view piece) { text += piece; });
    if (!read) refuse(filename, read.error().message);
    if (entry.name.ends_with(".dist-info/RECORD")) record = text;
    return text;
  });
  if (!contents) refuse(filename, contents.error().message);
  if (!wrong_record(contents->faults).empty()) return std::nullopt;

  PackedWheel out{.contents = std::move(*contents), .files = {}, .packed = members};
  std::size_t row = 0;
  for (const ZipEntry& entry : *entries) {
    if (entry.is_directory()) continue;
    auto digest = digest_of(out.contents.rows[row++], entry);
    if (!digest && entry.name == out.contents.dist_info + "/RECORD") digest = hash_bytes(record);
    if (!digest) return std::nullopt;
    out.files.push_back({.path = entry.name,
                         .digest = *digest,
                         .size = entry.size,
                         .executable = entry.executable(),
                         .mtime = std::clamp(entry.mtime, kEarliestTime, std::max(latest, kEarliestTime))});
    members->add(entry, *std::move(digest));
  }
  std::ranges::sort(out.files, {}, &StoredFile::path);
  return out;
}

}  // namespace moat
