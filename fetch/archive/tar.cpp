#include "fetch/archive/tar.h"

#include "fetch/archive/archive.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>

namespace moat {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kOctalLimit = std::uint64_t{1} << 33U;  // what eleven octal digits hold

// Where the fields of a header lie (POSIX ustar).
struct Field {
  std::size_t offset, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kTime{136, 12},
    kChecksum{148, 8}, kLink{157, 100}, kMagic{257, 8}, kPrefix{345, 155};
constexpr std::size_t kType = 156;

using Header = std::array<char, kBlock>;

std::uint64_t checksum_of(const Header& header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += own ? std::uint64_t{' '} : static_cast<unsigned char>(header[i]);
  }
  return sum;
}

std::string_view bytes_of(const Header& header, Field field) {
  return std::string_view(header.data(), kBlock).substr(field.offset, field.size);
}

std::string_view text_of(const Header& header, Field field) {
  const std::string_view bytes = bytes_of(header, field);
  return bytes.substr(0, bytes.find('\0'));
}

// Octal digits followed by a NUL or spaces, or GNU tar's binary form for values that are too large.
std::optional<std::uint64_t> number_of(const Header& header, Field field) {
  const std::string_view bytes = bytes_of(header, field);
  std::uint64_t value = 0;
  if (static_cast<unsigned char>(bytes.front()) == 0x80U) {
    for (const char byte : bytes.substr(1)) {
      if (value >> 55U != 0) return std::nullopt;
      value = value << 8U | static_cast<unsigned char>(byte);
    }
    return value;
  }
  std::size_t i = 0;
  for (; i < bytes.size() && bytes[i] >= '0' && bytes[i] <= '7'; ++i)
    value = value << 3U | static_cast<std::uint64_t>(bytes[i] - '0');
  if (i == 0 || bytes.substr(i).find_first_not_of(std::string_view("\0 ", 2)) != std::string_view::npos)
    return std::nullopt;
  return value;
}

void put_octal(Header& header, Field field, std::uint64_t value) {
  const std::string digits = fmt::format("{:0{}o}", value, field.size - 1);
  std::memcpy(header.data() + field.offset, digits.data(), digits.size());
}

void put(Header& header, Field field, std::string_view text) {
  std::memcpy(header.data() + field.offset, text.data(), text.size());
}

// Where a name is split to fit a header: 0 for not at all. nullopt: it does not fit.
std::optional<std::size_t> parting(std::string_view name) {
  if (name.size() <= kName.size) return 0;
  const std::size_t slash = name.find('/', name.size() - kName.size - 1);
  if (slash == std::string_view::npos || slash > kPrefix.size || slash + 1 == name.size())
    return std::nullopt;
  return slash;
}

// REQUIRES: it fits.
void put_name(Header& header, std::string_view name) {
  const std::size_t slash = *parting(name);
  if (slash != 0) put(header, kPrefix, name.substr(0, slash));
  put(header, kName, slash == 0 ? name : name.substr(slash + 1));
}

void put_size(Header& header, std::uint64_t size) {
  if (size < kOctalLimit) {
    put_octal(header, kSize, size);
    return;
  }
  header[kSize.offset] = static_cast<char>(0x80);
  for (std::size_t i = 0; i < 8; ++i)
    header[kSize.offset + kSize.size - 1 - i] = static_cast<char>(size >> (8 * i) & 0xffU);
}

class TarScan {
 public:
  TarScan(ReadAt read, std::uint64_t size, const std::string& label, std::size_t most)
      : read_(std::move(read)), label_(label), most_(most), size_(size) {}

  std::vector<TarEntry> all() {
    for (;;) {
      const Header header = read_header();
      if (is_empty(header)) break;
      add(header);
    }
    // One empty block was read: the end has two, and fills the last record.
    if (size_ - at_ < kBlock) refuse("it has no end");
    // tar fills its last record; a writer that adds more has written something else.
    constexpr std::uint64_t kRecord = 20 * kBlock;
    if (size_ - at_ > kRecord) refuse("there are bytes after its end");
    require_zeros(at_, size_, "there are bytes after its end");
    return std::move(entries_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::BadArchive, fmt::format("{} is damaged: {}", label_, why));
  }

  void read_at(std::uint64_t offset, char* into, std::size_t size) const {
    if (read_(offset, std::as_writable_bytes(std::span(into, size))) < size) refuse("it is cut off");
  }

  Header read_header() {
    if (size_ - at_ < kBlock) refuse("it is cut off");
    Header header;
    read_at(at_, header.data(), kBlock);
    at_ += kBlock;
    return header;
  }

  static bool is_empty(const Header& header) {
    return std::all_of(header.begin(), header.end(), [](char byte) { return byte == '\0'; });
  }

  void require_zeros(std::uint64_t from, std::uint64_t to, const char* why) const {
    std::array<char, 16 * kBlock> buffer;
    while (from < to) {
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), to - from));
      read_at(from, buffer.data(), size);
      if (std::any_of(buffer.data(), buffer.data() + size, [](char byte) { return byte != '\0'; }))
        refuse(why);
      from += size;
    }
  }

  void add(const Header& header) {
    if (entries_.size() == most_) refuse(fmt::format("it has more than {} members", most_));
    const auto checksum = number_of(header, kChecksum);
    if (!checksum || *checksum != checksum_of(header)) refuse("a header has a wrong checksum");
    const auto size = number_of(header, kSize);
    const auto mode = number_of(header, kMode);
    if (!text_of(header, kMagic).starts_with("ustar") || !size || !mode)
      refuse("a header is not a tar header");
    TarEntry entry{.offset = at_, .size = *size, .mode = static_cast<unsigned>(*mode & 0777U)};
    take_name(header, entry);
    take_type(header, entry);
    if (*size > size_ - at_) refuse(fmt::format("{} is cut off", quote(entry.name)));
    at_ += *size;
    const std::uint64_t padding = (kBlock - *size % kBlock) % kBlock;
    if (padding > size_ - at_) refuse(fmt::format("{} is cut off", quote(entry.name)));
    require_zeros(at_, at_ + padding, "there are bytes between its members");
    at_ += padding;
    entries_.push_back(std::move(entry));
  }

  void take_name(const Header& header, TarEntry& entry) {
    const std::string_view prefix = text_of(header, kPrefix);
    entry.name = fmt::format("{}{}{}", prefix, prefix.empty() ? "" : "/", text_of(header, kName));
    if (entry.name.starts_with("./")) entry.name.erase(0, 2);
    if (entry.name.ends_with('/')) entry.name.pop_back();
    if (!names_.insert(entry.name).second) refuse(fmt::format("{} is there twice", quote(entry.name)));
  }

  void take_type(const Header& header, TarEntry& entry) const {
    const char type = header[kType];
    entry.is_folder = type == '5';
    if (type != '0' && type != '\0' && type != '5')
      refuse(fmt::format("{} is not a regular file or folder", quote(entry.name)));
    if (entry.is_folder && entry.size != 0)
      refuse(fmt::format("the folder {} has contents", quote(entry.name)));
  }

  ReadAt read_;
  const std::string& label_;
  std::size_t most_;
  std::uint64_t size_ = 0, at_ = 0;
  std::vector<TarEntry> entries_;
  std::set<std::string> names_;
};

}  // namespace

std::vector<TarEntry> scan_tar(std::string_view bytes, const std::string& label, std::size_t most) {
  return TarScan(reader_of(bytes), bytes.size(), label, most).all();
}

std::vector<TarEntry> scan_tar(int fd, const std::string& label, std::size_t most) {
  const off_t end = ::lseek(fd, 0, SEEK_END);
  if (end < 0) throw_errno("read", label, errno);
  return TarScan(reader_of(fd, label), static_cast<std::uint64_t>(end), label, most).all();
}

struct TarWriter::Member {
  std::string name;
  char type = '0';
  std::uint64_t size = 0;
  unsigned mode = 0644;
  std::int64_t mtime = 0;
  std::string link = {};
};

namespace {

// "30 path=some/long/name\n", its own length at its head.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest;
  while (std::to_string(length).size() + rest != length) length = std::to_string(length).size() + rest;
  return fmt::format("{} {}={}\n", length, key, value);
}

}  // namespace

void TarWriter::add(std::string_view name, std::string_view bytes, unsigned mode) {
  begin(name, bytes.size(), mode);
  write(bytes);
  end();
}

void TarWriter::add_folder(std::string_view name, unsigned mode) {
  put_header({.name = std::string(name) + "/", .type = '5', .size = 0, .mode = mode, .mtime = mtime_});
}

void TarWriter::add_link(std::string_view name, std::string_view target) {
  put_header({.name = std::string(name),
              .type = '2',
              .size = 0,
              .mode = 0777,
              .mtime = mtime_,
              .link = std::string(target)});
}

void TarWriter::begin(std::string_view name, std::uint64_t size, unsigned mode,
                      std::optional<std::int64_t> mtime) {
  put_header(
      {.name = std::string(name), .type = '0', .size = size, .mode = mode, .mtime = mtime.value_or(mtime_)});
  left_ = size;
  padding_ = (kBlock - size % kBlock) % kBlock;
}

void TarWriter::put_header(const Member& member) {
  const bool name_fits = parting(member.name).has_value();
  if (!name_fits || member.link.size() > kLink.size) put_pax(member);
  Header header{};
  put_name(header,
           name_fits ? std::string_view(member.name) : std::string_view(member.name).substr(0, kName.size));
  put_octal(header, kMode, member.mode);
  put_octal(header, kUid, 0);
  put_octal(header, kGid, 0);
  put_size(header, member.size);
  put_octal(header, kTime, static_cast<std::uint64_t>(std::max<std::int64_t>(member.mtime, 0)));
  header[kType] = member.type;
  put(header, kLink, std::string_view(member.link).substr(0, kLink.size));
  std::memcpy(header.data() + kMagic.offset, "ustar\00000", kMagic.size);
  // Six digits, a NUL and a space: the only field with this format.
  const std::string checksum = fmt::format("{:06o}", checksum_of(header));
  std::memcpy(header.data() + kChecksum.offset, checksum.data(), checksum.size());
  header[kChecksum.offset + kChecksum.size - 1] = ' ';
  sink_({header.data(), kBlock});
}

void TarWriter::put_pax(const Member& member) {
  std::string records;
  if (!parting(member.name)) records += pax_record("path", member.name);
  if (member.link.size() > kLink.size) records += pax_record("linkpath", member.link);
  put_header({.name = "pax", .type = 'x', .size = records.size(), .mode = 0644, .mtime = member.mtime});
  sink_(records);
  const std::array<char, kBlock> zeros{};
  sink_({zeros.data(), (kBlock - records.size() % kBlock) % kBlock});
}

void TarWriter::write(std::string_view bytes) {
  if (bytes.size() > left_) throw std::logic_error("a tar member is longer than its header says");
  sink_(bytes);
  left_ -= bytes.size();
}

void TarWriter::end() {
  if (left_ != 0) throw std::logic_error("a tar member is shorter than its header says");
  const std::array<char, kBlock> zeros{};
  sink_({zeros.data(), static_cast<std::size_t>(padding_)});
}

void TarWriter::finish() {
  const std::array<char, 2 * kBlock> zeros{};
  sink_({zeros.data(), zeros.size()});
}

}  // namespace moat
