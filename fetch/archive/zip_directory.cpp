#include "fetch/archive/zip_directory.h"

#include "fetch/bytes/inflate.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <unordered_set>

namespace moat {

namespace {

constexpr std::string_view kEndSignature = "PK\5\6";
constexpr std::string_view kEnd64Signature = "PK\6\6";
constexpr std::string_view kLocator64Signature = "PK\6\7";
constexpr std::string_view kCentralSignature = "PK\1\2";
constexpr std::string_view kLocalSignature = "PK\3\4";
constexpr std::string_view kDescriptorSignature = "PK\7\10";

constexpr std::size_t kEnd = 22, kEnd64 = 56, kLocator64 = 20, kCentral = 46, kLocal = 30;
constexpr std::uint32_t kMax16 = 0xFFFFU, kMax32 = 0xFFFFFFFFU;

constexpr std::uint16_t kEncrypted = 1U << 0U, kHasDescriptor = 1U << 3U, kPatch = 1U << 5U,
                        kStrongEncryption = 1U << 6U, kUtf8 = 1U << 11U, kMasked = 1U << 13U;
constexpr std::uint16_t kRefusedFlags = kEncrypted | kPatch | kStrongEncryption | kMasked;
// The other flags only tell how hard the compressor tried.
constexpr std::uint16_t kMeaningfulFlags = kRefusedFlags | kHasDescriptor | kUtf8;

constexpr std::uint16_t kZip64Extra = 0x0001, kUnicodePathExtra = 0x7075;

// Deflate gives at most 258 bytes for 2 bits.
constexpr std::uint64_t kBestDeflateRatio = 1032;
constexpr std::size_t kInputPiece = 1U << 20U;

// Little-endian fields, one after the other. REQUIRES: the bytes are there.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  std::uint16_t u16() { return static_cast<std::uint16_t>(take(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(take(4)); }
  std::uint64_t u64() { return take(8); }
  void skip(std::size_t count) { bytes_.remove_prefix(count); }

 private:
  std::uint64_t take(std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes_[i]);
    bytes_.remove_prefix(count);
    return value;
  }
  std::string_view bytes_;
};

tl::unexpected<ParseError> bad_entry(std::string_view name, std::string_view why) {
  return parse_error(fmt::format("entry {} {}", quote(name), why));
}

// --- names ---

// Why the name is refused, or nothing. Names that only Windows cannot hold (`aux.py`, `a:b`, a trailing dot)
// are accepted here.
std::optional<std::string_view> name_fault(std::string_view name) {
  if (name.empty()) return "has no name";
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(name.begin(), name.end(), is_control)) return "has control characters in its name";
  if (!is_utf8(name)) return "has a name that is not UTF-8";
  if (name.front() == '/') return "has an absolute path";
  if (name.find('\\') != name.npos) return "has a backslash in its name";
  if (name.back() == '/') name.remove_suffix(1);
  for (const std::string_view part : split(name, '/')) {
    if (part == "..") return "leaves the archive";
    if (part.empty() || part == ".") return "has an empty component in its path";
  }
  return std::nullopt;
}

// Two records for one path, or a file where another record needs a directory.
Expected<void> check_unique_names(const std::vector<ZipEntry>& entries) {
  std::unordered_set<std::string_view> seen, files;
  for (const ZipEntry& entry : entries) {
    std::string_view path = entry.name;
    if (entry.is_directory())
      path.remove_suffix(1);
    else
      files.insert(path);
    if (!seen.insert(path).second) return bad_entry(path, "is there twice");
  }
  const auto parent = [](std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return path.substr(0, slash == path.npos ? 0 : slash);
  };
  std::string_view checked;
  for (const ZipEntry& entry : entries) {
    std::string_view folder = parent(entry.name);
    if (folder == checked) continue;
    checked = folder;
    for (; !folder.empty(); folder = parent(folder))
      if (files.contains(folder)) return bad_entry(folder, "is a file and a directory");
  }
  return {};
}

// --- extra fields ---

struct Extras {
  std::optional<std::string_view> zip64;
};

Expected<Extras> parse_extras(std::string_view bytes, std::string_view name) {
  Extras extras;
  bool unicode_path = false;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return bad_entry(name, "has a broken extra field");
    Fields fields(bytes);
    const std::uint16_t id = fields.u16(), size = fields.u16();
    if (bytes.size() - 4 < size) return bad_entry(name, "has a broken extra field");
    const std::string_view data = bytes.substr(4, size);
    bytes.remove_prefix(4U + size);
    if (id == kZip64Extra) {
      if (extras.zip64) return bad_entry(name, "has two ZIP64 fields");
      extras.zip64 = data;
    } else if (id == kUnicodePathExtra) {
      // version, CRC of the plain name, then the name some readers believe instead
      if (unicode_path || data.size() < 5 || data.substr(5) != name)
        return bad_entry(name, "has a second name");
      unicode_path = true;
    }
  }
  return extras;
}

// Replaces the 32-bit values that are full with the 64-bit ones; each value is there exactly once. An
// unneeded field is accepted if it repeats known values, as some writers do, or is empty.
Expected<void> apply_zip64(const Extras& extras, std::string_view name,
                           std::initializer_list<std::uint64_t*> values) {
  const auto full = std::count_if(values.begin(), values.end(), [](auto* value) { return *value == kMax32; });
  if (!extras.zip64) return full == 0 ? Expected<void>{} : bad_entry(name, "lacks its ZIP64 field");
  const std::string_view data = *extras.zip64;
  Fields fields(data);
  if (full != 0 && data.size() == static_cast<std::size_t>(full) * 8) {
    for (std::uint64_t* value : values)
      if (*value == kMax32) *value = fields.u64();
    return {};
  }
  if (data.size() % 8 != 0 || data.size() / 8 > values.size())
    return bad_entry(name, "has a bad ZIP64 field");
  auto value = values.begin();
  for (std::size_t i = 0; i < data.size() / 8; ++i, ++value) {
    const std::uint64_t wide = fields.u64();
    if (**value != kMax32 && **value != wide) return bad_entry(name, "contradicts itself in its ZIP64 field");
    **value = wide;
  }
  if (std::any_of(value, values.end(), [](auto* left) { return *left == kMax32; }))
    return bad_entry(name, "has a bad ZIP64 field");
  return {};
}

// --- central directory ---

std::int64_t from_dos_time(std::uint16_t time, std::uint16_t date) {
  using namespace std::chrono;
  const year_month_day day{year{1980 + (date >> 9U)}, month{date >> 5U & 15U}, std::chrono::day{date & 31U}};
  if (!day.ok()) return sys_days{year{1980} / January / 1}.time_since_epoch() / seconds{1};
  const auto seconds_of_day = (time >> 11U) * 3600U + (time >> 5U & 63U) * 60U + (time & 31U) * 2U;
  return sys_days{day}.time_since_epoch() / seconds{1} + static_cast<std::int64_t>(seconds_of_day);
}

Expected<void> check_mode(const ZipEntry& entry) {
  switch (entry.mode & S_IFMT) {
    case 0:
    case S_IFREG:
      return {};
    case S_IFDIR:
      return entry.is_directory() ? Expected<void>{} : bad_entry(entry.name, "is a directory without `/`");
    case S_IFLNK:
      return bad_entry(entry.name, "is a symbolic link");
    default:
      return bad_entry(entry.name, "is neither a file nor a directory");
  }
}

Expected<void> check_entry(const ZipEntry& entry) {
  if (const auto fault = name_fault(entry.name)) return bad_entry(entry.name, *fault);
  if ((entry.flags & (kEncrypted | kStrongEncryption | kMasked)) != 0)
    return bad_entry(entry.name, "is encrypted");
  if ((entry.flags & kPatch) != 0) return bad_entry(entry.name, "is a patch");
  switch (entry.method) {
    case ZipMethod::Stored:
      if (entry.size != entry.compressed_size) return bad_entry(entry.name, "is stored, but of two sizes");
      break;
    case ZipMethod::Deflated:
      if (entry.size / kBestDeflateRatio > entry.compressed_size)
        return bad_entry(entry.name, "claims a size it cannot inflate to");
      break;
    default:
      return bad_entry(entry.name, fmt::format("is packed by method {}, which is neither stored nor deflated",
                                               static_cast<unsigned>(entry.method)));
  }
  if (entry.is_directory() && entry.size != 0) return bad_entry(entry.name, "is a directory with contents");
  return check_mode(entry);
}

// One record of the central directory; removes it from `bytes`.
Expected<ZipEntry> parse_central_record(std::string_view& bytes) {
  if (bytes.size() < kCentral || !bytes.starts_with(kCentralSignature))
    return parse_error("its central directory has fewer entries than its end record says");
  Fields fields(bytes.substr(4));
  fields.skip(4);  // versions
  ZipEntry entry;
  entry.flags = fields.u16();
  entry.method = ZipMethod{fields.u16()};
  const std::uint16_t time = fields.u16(), date = fields.u16();
  entry.mtime = from_dos_time(time, date);
  entry.crc32 = fields.u32();
  entry.compressed_size = fields.u32();
  entry.size = fields.u32();
  const std::size_t name_size = fields.u16(), extra_size = fields.u16(), comment_size = fields.u16();
  const std::uint16_t disk = fields.u16();
  fields.skip(2);  // internal attributes
  entry.mode = fields.u32() >> 16U;
  entry.header_offset = fields.u32();
  if (bytes.size() - kCentral < name_size + extra_size + comment_size)
    return parse_error("its central directory is cut short");
  entry.name = bytes.substr(kCentral, name_size);
  if (comment_size != 0) return bad_entry(entry.name, "has a comment");
  if (disk != 0) return bad_entry(entry.name, "is on another disk");
  const auto extras = parse_extras(bytes.substr(kCentral + name_size, extra_size), entry.name);
  if (!extras) return tl::unexpected(extras.error());
  const auto sizes =
      apply_zip64(*extras, entry.name, {&entry.size, &entry.compressed_size, &entry.header_offset});
  if (!sizes) return tl::unexpected(sizes.error());
  bytes.remove_prefix(kCentral + name_size + extra_size);
  return entry;
}

Expected<void> check_limits(const std::vector<ZipEntry>& entries, const ZipEnd& end,
                            const ZipLimits& limits) {
  std::uint64_t total = 0;
  for (const ZipEntry& entry : entries) {
    if (entry.size > limits.total_size - total)
      return parse_error(fmt::format("it would unpack to more than {} bytes", limits.total_size));
    total += entry.size;
  }
  if (total > limits.ratio_matters && total / std::max<std::uint64_t>(end.directory_offset, 1) > limits.ratio)
    return parse_error(
        fmt::format("it would unpack to {} bytes, more than {} times its size", total, limits.ratio));
  return {};
}

// Records follow one another from the first byte of the archive to the central directory.
Expected<void> lay_out(std::vector<ZipEntry>& entries, const ZipEnd& end) {
  std::sort(entries.begin(), entries.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.header_offset < b.header_offset; });
  const std::uint64_t first = entries.empty() ? end.directory_offset : entries.front().header_offset;
  if (first != 0) return parse_error("it has bytes before its first entry");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    ZipEntry& entry = entries[i];
    const std::uint64_t next = i + 1 < entries.size() ? entries[i + 1].header_offset : end.directory_offset;
    if (next < entry.header_offset) return bad_entry(entry.name, "is outside the archive");
    entry.record_size = next - entry.header_offset;
    const std::uint64_t header = kLocal + entry.name.size();
    if (entry.record_size < header || entry.record_size - header < entry.compressed_size)
      return bad_entry(entry.name, "overlaps what comes after it");
  }
  return {};
}

// --- local headers ---

// Data descriptors differ in length only: with or without signature, 32 or 64 bits.
bool descriptor_agrees(const ZipEntry& entry, std::string_view bytes) {
  const bool wide = bytes.size() >= 20, marked = bytes.size() == 16 || bytes.size() == 24;
  if (bytes.size() != 12 && bytes.size() != 16 && bytes.size() != 20 && bytes.size() != 24) return false;
  if (marked && !bytes.starts_with(kDescriptorSignature)) return false;
  Fields fields(bytes.substr(marked ? 4 : 0));
  if (fields.u32() != entry.crc32) return false;
  const std::uint64_t compressed = wide ? fields.u64() : fields.u32();
  const std::uint64_t size = wide ? fields.u64() : fields.u32();
  return compressed == entry.compressed_size && size == entry.size;
}

// Compares the local header (`header`: at least itself, its name and its extra fields) with the central entry
// and returns its length.
Expected<std::uint64_t> check_local_header(const ZipEntry& entry, std::string_view header) {
  const auto differs = [&](std::string_view what) {
    return bad_entry(entry.name, fmt::format("has another {} in its local header", what));
  };
  if (header.size() < kLocal || !header.starts_with(kLocalSignature))
    return bad_entry(entry.name, "has no local header where it should be");
  Fields fields(header.substr(4));
  fields.skip(2);  // version
  const std::uint16_t flags = fields.u16();
  if ((flags & kMeaningfulFlags) != (entry.flags & kMeaningfulFlags)) return differs("set of flags");
  if (ZipMethod{fields.u16()} != entry.method) return differs("method");
  fields.skip(4);  // time
  const std::uint32_t crc = fields.u32();
  std::uint64_t compressed = fields.u32(), size = fields.u32();
  const std::size_t name_size = fields.u16(), extra_size = fields.u16();
  if (header.size() < kLocal + name_size || header.substr(kLocal, name_size) != entry.name)
    return differs("name");
  if (header.size() < kLocal + name_size + extra_size)
    return bad_entry(entry.name, "has a broken local header");
  const auto extras = parse_extras(header.substr(kLocal + name_size, extra_size), entry.name);
  if (!extras) return tl::unexpected(extras.error());
  const bool streamed = (flags & kHasDescriptor) != 0;
  if (!streamed || compressed == kMax32 || size == kMax32) {
    const auto sizes = apply_zip64(*extras, entry.name, {&size, &compressed});
    if (!sizes) return tl::unexpected(sizes.error());
  }
  const auto agrees = [&](std::uint64_t local, std::uint64_t central) {
    return local == central || (streamed && local == 0);
  };
  if (!agrees(crc, entry.crc32)) return differs("CRC");
  if (!agrees(compressed, entry.compressed_size) || !agrees(size, entry.size)) return differs("size");

  const std::uint64_t length = kLocal + name_size + extra_size;
  if (entry.record_size < length || entry.record_size - length < entry.compressed_size)
    return bad_entry(entry.name, "overlaps what comes after it");
  const std::uint64_t rest = entry.record_size - length - entry.compressed_size;
  if (!streamed && rest != 0) return bad_entry(entry.name, "is followed by bytes that belong to no entry");
  if (streamed && (rest < 12 || rest > 24)) return bad_entry(entry.name, "lacks its data descriptor");
  return length;
}

Expected<void> check_descriptor(const ZipEntry& entry, std::string_view descriptor) {
  if ((entry.flags & kHasDescriptor) != 0 && !descriptor_agrees(entry, descriptor))
    return bad_entry(entry.name, "contradicts its data descriptor");
  return {};
}

// Reads into `buffer`, resizing it; the result may be shorter at the end.
std::string_view read_span(const ReadAt& read, std::uint64_t offset, std::size_t size,
                           std::vector<char>& buffer) {
  if (buffer.size() < size) buffer.resize(size);
  const std::size_t got = read(offset, std::as_writable_bytes(std::span(buffer.data(), size)));
  return {buffer.data(), got};
}

Expected<void> find_data(const ReadAt& read, ZipEntry& entry, std::vector<char>& buffer) {
  constexpr std::size_t kUsualExtras = 64;
  const auto at_most = [&](std::size_t size) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(size, entry.record_size));
  };
  const std::size_t guess = kLocal + entry.name.size() + kUsualExtras;
  std::string_view header = read_span(read, entry.header_offset, at_most(guess), buffer);
  if (header.size() >= kLocal) {
    const std::size_t extra_size = Fields(header.substr(28)).u16();
    if (extra_size > kUsualExtras)
      header = read_span(read, entry.header_offset, at_most(kLocal + entry.name.size() + extra_size), buffer);
  }
  const auto length = check_local_header(entry, header);
  if (!length) return tl::unexpected(length.error());
  entry.data_offset = entry.header_offset + *length;
  if ((entry.flags & kHasDescriptor) == 0) return {};
  const std::uint64_t rest = entry.record_size - *length - entry.compressed_size;
  return check_descriptor(entry, read_span(read, entry.data_offset + entry.compressed_size,
                                           static_cast<std::size_t>(rest), buffer));
}

}  // namespace

Expected<ZipEnd> find_zip_end(std::string_view tail, std::uint64_t file_size) {
  if (tail.size() < kEnd || tail.size() > file_size) return parse_error("it is too short for a zip archive");
  const std::uint64_t base = file_size - tail.size();
  const std::size_t at = tail.rfind(kEndSignature, tail.size() - kEnd);
  if (at == tail.npos) return parse_error("not a zip archive, or truncated");
  Fields fields(tail.substr(at + 4));
  const std::uint16_t disk = fields.u16(), directory_disk = fields.u16();
  const std::uint16_t entries_here = fields.u16(), entries = fields.u16();
  const std::uint32_t size = fields.u32(), offset = fields.u32();
  if (tail.size() - at - kEnd != fields.u16()) return parse_error("it has bytes after its end record");
  if (disk != 0 || directory_disk != 0 || entries_here != entries)
    return parse_error("it claims to be one of several disks");

  ZipEnd end{.directory_offset = offset, .directory_size = size, .entries = entries};
  std::uint64_t directory_end = base + at;
  if (at >= kLocator64 && tail.substr(at - kLocator64).starts_with(kLocator64Signature)) {
    if (at < kLocator64 + kEnd64) return parse_error("its ZIP64 end record is missing");
    Fields locator(tail.substr(at - kLocator64 + 4));
    const std::uint32_t record_disk = locator.u32();
    const std::uint64_t record_offset = locator.u64();
    directory_end -= kLocator64 + kEnd64;
    const std::string_view record = tail.substr(at - kLocator64 - kEnd64);
    if (record_disk != 0 || locator.u32() != 1 || record_offset != directory_end ||
        !record.starts_with(kEnd64Signature))
      return parse_error("its ZIP64 locator points elsewhere than to its ZIP64 end record");
    Fields wide(record.substr(4));
    if (wide.u64() != kEnd64 - 12) return parse_error("its ZIP64 end record has extensible data");
    wide.skip(4);  // versions
    if (wide.u32() != 0 || wide.u32() != 0) return parse_error("it claims to be one of several disks");
    const std::uint64_t wide_entries_here = wide.u64();
    end.entries = wide.u64();
    end.directory_size = wide.u64();
    end.directory_offset = wide.u64();
    if (wide_entries_here != end.entries || (entries != kMax16 && entries != end.entries) ||
        (size != kMax32 && size != end.directory_size) ||
        (offset != kMax32 && offset != end.directory_offset))
      return parse_error("its two end records contradict each other");
  } else if (entries == kMax16 || size == kMax32 || offset == kMax32) {
    return parse_error("its ZIP64 end record is missing");
  }
  if (end.directory_offset > directory_end || end.directory_size != directory_end - end.directory_offset)
    return parse_error("its central directory is not where its end record says");
  if (end.entries > end.directory_size / kCentral)
    return parse_error("its central directory has fewer entries than its end record says");
  return end;
}

Expected<std::vector<ZipEntry>> parse_central_directory(std::string_view bytes, const ZipEnd& end,
                                                        const ZipLimits& limits) {
  if (bytes.size() != end.directory_size) return parse_error("its central directory is cut short");
  if (end.entries > limits.entries || end.entries > bytes.size() / kCentral)
    return parse_error(fmt::format("it claims to have {} entries", end.entries));
  std::vector<ZipEntry> entries;
  entries.reserve(static_cast<std::size_t>(end.entries));
  for (std::uint64_t i = 0; i < end.entries; ++i) {
    auto entry = parse_central_record(bytes);
    if (!entry) return tl::unexpected(entry.error());
    if (const auto fine = check_entry(*entry); !fine) return tl::unexpected(fine.error());
    entries.push_back(std::move(*entry));
  }
  if (!bytes.empty()) return parse_error("its central directory has more in it than its end record says");
  if (const auto fine = lay_out(entries, end); !fine) return tl::unexpected(fine.error());
  if (const auto fine = check_unique_names(entries); !fine) return tl::unexpected(fine.error());
  if (const auto fine = check_limits(entries, end, limits); !fine) return tl::unexpected(fine.error());
  return entries;
}

Expected<std::string> inflate_member(const ZipEntry& entry, std::string_view record, std::uint64_t max_size) {
  if (record.size() != entry.record_size) return bad_entry(entry.name, "is cut short");
  if (entry.size > max_size) return bad_entry(entry.name, fmt::format("is larger than {} bytes", max_size));
  const auto header = check_local_header(entry, record);
  if (!header) return tl::unexpected(header.error());
  const std::string_view packed = record.substr(static_cast<std::size_t>(*header));
  const auto size = static_cast<std::size_t>(entry.compressed_size);
  if (const auto fine = check_descriptor(entry, packed.substr(size)); !fine)
    return tl::unexpected(fine.error());
  std::string contents(packed.substr(0, entry.method == ZipMethod::Stored ? size : 0));
  if (entry.method == ZipMethod::Deflated) {
    contents.resize(static_cast<std::size_t>(entry.size));
    const auto inflated = Inflater().whole(packed.substr(0, size), contents);
    if (!inflated) return bad_entry(entry.name, inflated.error().message);
  }
  if (crc32_update(0, contents) != entry.crc32) return bad_entry(entry.name, "has another CRC than promised");
  return contents;
}

Expected<std::vector<ZipEntry>> read_zip_directory(const ReadAt& read, std::uint64_t file_size,
                                                   const ZipLimits& limits) {
  // The longest possible end, its comment included.
  const auto tail_size = static_cast<std::size_t>(std::min<std::uint64_t>(file_size, kZipEndSize + kMax16));
  std::vector<char> buffer;
  const auto end = find_zip_end(read_span(read, file_size - tail_size, tail_size, buffer), file_size);
  if (!end) return tl::unexpected(end.error());
  // Its size in memory is bounded by the file itself: find_zip_end() checked that it lies inside.
  const auto size = static_cast<std::size_t>(end->directory_size);
  auto entries = parse_central_directory(read_span(read, end->directory_offset, size, buffer), *end, limits);
  if (!entries) return entries;
  for (ZipEntry& entry : *entries)
    if (const auto fine = find_data(read, entry, buffer); !fine) return tl::unexpected(fine.error());
  return entries;
}

Expected<void> find_member_data(const ReadAt& read, ZipEntry& entry) {
  std::vector<char> buffer;
  return find_data(read, entry, buffer);
}

// --- members ---

struct MemberReader::State {
  // Memory that is written before it is read, and so not cleared.
  struct Buffer {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
    std::span<char> fit(std::size_t size) {
      if (size > capacity) {
        bytes.reset();
        bytes.reset(new char[size]);
        capacity = size;
      }
      return {bytes.get(), size};
    }
  };

  ReadAt read;
  Inflater inflater;
  Buffer packed, contents;

  // The next bytes of the member's data, at most `most`.
  std::string_view next(std::uint64_t& offset, std::uint64_t& left, std::size_t most) {
    const std::span<char> into = packed.fit(static_cast<std::size_t>(std::min<std::uint64_t>(left, most)));
    const std::size_t got = into.empty() ? 0 : read(offset, std::as_writable_bytes(into));
    offset += got;
    left -= got;
    return {into.data(), got};
  }
};

MemberReader::MemberReader(ReadAt read) : state_(std::make_unique<State>()) {
  state_->read = std::move(read);
}
MemberReader::~MemberReader() = default;
MemberReader::MemberReader(MemberReader&&) noexcept = default;
MemberReader& MemberReader::operator=(MemberReader&&) noexcept = default;

Expected<void> MemberReader::read(const ZipEntry& entry, const std::function<void(std::string_view)>& sink) {
  std::uint32_t crc = 0;
  std::uint64_t offset = entry.data_offset, left = entry.compressed_size, made = 0;
  const auto give = [&](std::string_view bytes) {
    crc = crc32_update(crc, bytes);
    made += bytes.size();
    sink(bytes);
  };
  Expected<void> result;
  if (entry.method == ZipMethod::Stored) {
    while (left != 0) {
      const std::string_view bytes = state_->next(offset, left, kInputPiece);
      if (bytes.empty()) break;
      give(bytes);
    }
  } else if (entry.size <= kWholeMember && entry.compressed_size <= kWholeMember) {
    const auto whole = static_cast<std::size_t>(entry.compressed_size);
    const std::string_view packed = state_->next(offset, left, whole);
    const std::span<char> contents = state_->contents.fit(static_cast<std::size_t>(entry.size));
    result = state_->inflater.whole(packed, contents);
    if (result && !contents.empty()) give({contents.data(), contents.size()});
  } else {
    result =
        state_->inflater.pieces([&] { return state_->next(offset, left, kInputPiece); }, entry.size, give);
  }
  if (!result) return bad_entry(entry.name, result.error().message);
  if (left != 0 || made != entry.size) return bad_entry(entry.name, "is cut short");
  if (crc != entry.crc32) return bad_entry(entry.name, "has another CRC than promised");
  return {};
}

}  // namespace moat
