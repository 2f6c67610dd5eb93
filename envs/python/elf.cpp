#include "envs/python/elf.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace moat {

namespace {

constexpr std::uint32_t kLoad = 1, kDynamic = 2, kInterp = 3, kNote = 4;                    // p_type
constexpr std::uint64_t kNeeded = 1, kStrtab = 5, kStrsz = 10, kRpath = 15, kRunpath = 29;  // d_tag
constexpr std::uint32_t kStringTable = 3, kNoBits = 8, kDynsym = 11;                        // sh_type
constexpr std::uint64_t kAlloc = 2, kInfoLink = 0x40;                                       // sh_flags

// A field of a header: where it lies in the 32-bit and the 64-bit form; `wide` ones are 4 and 8 bytes.
struct Field {
  unsigned at32, at64;
  unsigned bytes32, bytes64;
};
constexpr Field half(unsigned at32, unsigned at64) { return {at32, at64, 2, 2}; }
constexpr Field word(unsigned at32, unsigned at64) { return {at32, at64, 4, 4}; }
constexpr Field wide(unsigned at32, unsigned at64) { return {at32, at64, 4, 8}; }

// NOLINTBEGIN(readability-identifier-naming): as the fields are called in elf.h
namespace ehdr {
constexpr Field machine = half(18, 18), phoff = wide(28, 32), shoff = wide(32, 40), flags = word(36, 48),
                phentsize = half(42, 54), phnum = half(44, 56), shentsize = half(46, 58),
                shnum = half(48, 60), shstrndx = half(50, 62);
}
namespace phdr {
constexpr Field type = word(0, 0), flags = word(24, 4), offset = wide(4, 8), vaddr = wide(8, 16),
                paddr = wide(12, 24), filesz = wide(16, 32), memsz = wide(20, 40), align = wide(28, 48);
}
namespace shdr {
constexpr Field name = word(0, 0), type = word(4, 4), flags = wide(8, 8), addr = wide(12, 16),
                offset = wide(16, 24), size = wide(20, 32), link = word(24, 40), info = word(28, 44);
}
namespace dyn {
constexpr Field tag = wide(0, 0), value = wide(4, 8);
}
// NOLINTEND(readability-identifier-naming)
constexpr Field kSymbolName = word(0, 0);

struct Segment {
  std::uint64_t type, flags, offset, vaddr, paddr, filesz, memsz, align;
};
struct DynamicEntry {
  std::uint64_t tag, value;
};

// Bytes of an ELF file with its fields readable; every access is checked against the size, and reads past the
// end give 0 and mark the file as broken.
class ElfReader {
 public:
  explicit ElfReader(std::string_view bytes)
      : bytes_(bytes), is_64_(bytes_[4] == 2), little_(bytes_[5] == 1) {}

  bool is_64() const { return is_64_; }
  bool little() const { return little_; }
  bool broken() const { return broken_; }
  std::uint64_t size() const { return bytes_.size(); }
  std::string_view bytes() const { return bytes_; }

  std::uint64_t get(std::uint64_t base, Field field) const {
    const unsigned count = is_64_ ? field.bytes64 : field.bytes32;
    const std::uint64_t at = base + (is_64_ ? field.at64 : field.at32);
    if (!contains(at, count)) return 0;
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
      const unsigned from = little_ ? count - 1 - i : i;
      value = value << 8 | static_cast<unsigned char>(bytes_[at + from]);
    }
    return value;
  }

  std::string_view range(std::uint64_t at, std::uint64_t count) const {
    return contains(at, count) ? bytes_.substr(at, count) : std::string_view();
  }

  std::string string_at(std::uint64_t at) const {
    const auto end = at < bytes_.size() ? bytes_.find('\0', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      broken_ = true;
      return {};
    }
    return std::string(bytes_.substr(at, end - at));
  }

  std::vector<Segment> segments() const {
    std::vector<Segment> out;
    const std::uint64_t count = get(0, ehdr::phnum);
    for (std::uint64_t i = 0; i < count && !broken_; ++i) {
      const std::uint64_t at = segment_at(i);
      out.push_back({get(at, phdr::type), get(at, phdr::flags), get(at, phdr::offset), get(at, phdr::vaddr),
                     get(at, phdr::paddr), get(at, phdr::filesz), get(at, phdr::memsz),
                     get(at, phdr::align)});
    }
    return out;
  }

  std::uint64_t section_at(std::uint64_t i) const {
    return get(0, ehdr::shoff) + i * get(0, ehdr::shentsize);
  }

 protected:
  std::uint64_t segment_at(std::uint64_t i) const {
    return get(0, ehdr::phoff) + i * get(0, ehdr::phentsize);
  }
  bool contains(std::uint64_t at, std::uint64_t count) const {
    const bool inside = at <= bytes_.size() && count <= bytes_.size() - at;
    broken_ = broken_ || !inside;
    return inside;
  }

  std::string_view bytes_;
  bool is_64_, little_;
  mutable bool broken_ = false;
};

// A copy whose fields are writable as well.
class Image : public ElfReader {
 public:
  explicit Image(std::string_view bytes) : ElfReader(bytes), owned_(bytes) { bytes_ = owned_; }
  ~Image() = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  std::string take() { return std::move(owned_); }

  void set(std::uint64_t base, Field field, std::uint64_t value) {
    const unsigned count = is_64_ ? field.bytes64 : field.bytes32;
    const std::uint64_t at = base + (is_64_ ? field.at64 : field.at32);
    if (!contains(at, count)) return;
    for (unsigned i = 0; i < count; ++i) {
      const unsigned to = little_ ? i : count - 1 - i;
      owned_[at + to] = static_cast<char>(value >> (8 * i) & 0xff);
    }
  }

  void overwrite(std::uint64_t at, std::string_view text) {
    if (contains(at, text.size())) owned_.replace(at, text.size(), text);
  }
  void append(std::string_view text) {
    owned_ += text;
    bytes_ = owned_;
  }
  void truncate(std::uint64_t size) {
    owned_.resize(size);
    bytes_ = owned_;
  }
  void align_end(std::uint64_t to) { truncate((owned_.size() + to - 1) / to * to); }

  void set_segment(std::uint64_t index, const Segment& segment) {
    const std::uint64_t at = segment_at(index);
    set(at, phdr::type, segment.type), set(at, phdr::flags, segment.flags);
    set(at, phdr::offset, segment.offset), set(at, phdr::vaddr, segment.vaddr);
    set(at, phdr::paddr, segment.paddr), set(at, phdr::filesz, segment.filesz);
    set(at, phdr::memsz, segment.memsz), set(at, phdr::align, segment.align);
  }

 private:
  std::string owned_;
};

std::optional<std::uint64_t> file_offset(const std::vector<Segment>& segments, std::uint64_t address) {
  for (const Segment& s : segments)
    if (s.type == kLoad && s.vaddr <= address && address - s.vaddr < s.filesz)
      return s.offset + (address - s.vaddr);
  return std::nullopt;
}

// The dynamic section, and the address of its strings.
struct Dynamic {
  std::uint64_t at = 0, capacity = 0;  // capacity: entries that fit, the closing DT_NULL included
  std::vector<DynamicEntry> entries;   // without DT_NULL
  std::uint64_t strings_address = 0;

  // Of a value that is an offset into the string table: where the string lies in the file. By address, since
  // the string may lie in a segment that was added.
  std::optional<std::uint64_t> string_offset(const std::vector<Segment>& segments,
                                             std::uint64_t value) const {
    return file_offset(segments, strings_address + value);
  }
  const DynamicEntry* find(std::uint64_t tag) const {
    const auto found = std::ranges::find(entries, tag, &DynamicEntry::tag);
    return found == entries.end() ? nullptr : &*found;
  }
};

std::optional<Dynamic> read_dynamic(const ElfReader& image, const std::vector<Segment>& segments) {
  const auto segment = std::ranges::find(segments, kDynamic, &Segment::type);
  if (segment == segments.end()) return std::nullopt;
  Dynamic dynamic;
  const std::uint64_t entry_size = image.is_64() ? 16 : 8;
  dynamic.at = segment->offset;
  dynamic.capacity = segment->filesz / entry_size;
  for (std::uint64_t i = 0; i < dynamic.capacity && !image.broken(); ++i) {
    const std::uint64_t at = dynamic.at + i * entry_size;
    const DynamicEntry entry{image.get(at, dyn::tag), image.get(at, dyn::value)};
    if (entry.tag == 0) break;
    dynamic.entries.push_back(entry);
  }
  const DynamicEntry* strings = dynamic.find(kStrtab);
  if (!strings || !file_offset(segments, strings->value)) return std::nullopt;
  dynamic.strings_address = strings->value;
  return dynamic;
}

void write_dynamic(Image& image, const Dynamic& dynamic) {
  const std::uint64_t entry_size = image.is_64() ? 16 : 8;
  for (std::uint64_t i = 0; i < dynamic.capacity; ++i) {
    const std::uint64_t at = dynamic.at + i * entry_size;
    const DynamicEntry entry = i < dynamic.entries.size() ? dynamic.entries[i] : DynamicEntry{0, 0};
    image.set(at, dyn::tag, entry.tag);
    image.set(at, dyn::value, entry.value);
  }
}

// Linkers let strings share their tails (".../lib" and a symbol named `lib`), so bytes of the string table
// may be overwritten only where no symbol's name begins inside them. Unknown (no section headers) counts as
// shared.
bool tail_is_shared(const Image& image, std::uint64_t begin, std::uint64_t length) {
  const std::uint64_t count = image.get(0, ehdr::shnum);
  if (image.get(0, ehdr::shoff) == 0 || count == 0) return true;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t section = image.section_at(i);
    if (image.get(section, shdr::type) != kDynsym) continue;
    const std::uint64_t step = image.is_64() ? 24 : 16;
    const std::uint64_t size = image.get(section, shdr::size);
    for (std::uint64_t at = 0; at + step <= size && !image.broken(); at += step) {
      const std::uint64_t name = image.get(image.get(section, shdr::offset) + at, kSymbolName);
      if (name > begin && name < begin + length) return true;
    }
  }
  return false;
}

// Adds a read-only segment that holds `text` at the end of the file, and returns its address. The table of
// segments cannot grow, so the entry of a PT_NOTE (a build id and the like, unused at run time) is
// replaced.
std::optional<std::uint64_t> append_segment(Image& image, std::vector<Segment>& segments,
                                            std::string_view text) {
  const auto note = std::ranges::find(segments, kNote, &Segment::type);
  if (note == segments.end()) return std::nullopt;
  segments.erase(note);
  std::uint64_t top = 0, align = 0x1000;
  std::size_t after_last_load = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].type != kLoad) continue;
    top = std::max(top, segments[i].vaddr + segments[i].memsz);
    align = std::max(align, segments[i].align);
    after_last_load = i + 1;
  }
  const std::uint64_t offset = image.size();
  const std::uint64_t address = (top + align - 1) / align * align + offset % align;
  if (!image.is_64() && address + text.size() > std::numeric_limits<std::uint32_t>::max())
    return std::nullopt;
  // Loaded segments have to stand in the table in the order of their addresses.
  segments.insert(segments.begin() + static_cast<std::ptrdiff_t>(after_last_load),
                  {kLoad, 4, offset, address, address, text.size(), text.size(), align});
  for (std::size_t i = 0; i < segments.size(); ++i) image.set_segment(i, segments[i]);
  image.append(text);
  return address;
}

// The header of the section that holds the dynamic strings follows them to the end of the file: linkers read
// it.
void move_string_section(Image& image, std::uint64_t from, std::uint64_t to, std::uint64_t size) {
  for (std::uint64_t i = 0; i < image.get(0, ehdr::shnum); ++i) {
    const std::uint64_t section = image.section_at(i);
    if (image.get(section, shdr::type) != kStringTable || image.get(section, shdr::addr) != from) continue;
    image.set(section, shdr::addr, to);
    image.set(section, shdr::offset, image.size() - size);
    image.set(section, shdr::size, size);
  }
}

}  // namespace

bool is_elf(std::string_view bytes) {
  return bytes.size() >= 52 &&
         bytes.starts_with(
             "\x7f"
             "ELF") &&
         (bytes[4] == 1 || bytes[4] == 2) && (bytes[5] == 1 || bytes[5] == 2);
}

Expected<ElfFacts> read_elf(std::string_view bytes) {
  if (!is_elf(bytes)) return parse_error("not an ELF file");
  const ElfReader image{bytes};
  ElfFacts facts;
  facts.machine = static_cast<unsigned>(image.get(0, ehdr::machine));
  facts.is_64 = image.is_64();
  facts.little_endian = image.little();
  facts.flags = static_cast<unsigned>(image.get(0, ehdr::flags));
  const auto segments = image.segments();
  for (const Segment& segment : segments)
    if (segment.type == kInterp) facts.loader = image.string_at(segment.offset);
  if (const auto dynamic = read_dynamic(image, segments)) {
    for (const DynamicEntry& entry : dynamic->entries) {
      if (entry.tag != kNeeded && entry.tag != kRunpath && entry.tag != kRpath) continue;
      const auto at = dynamic->string_offset(segments, entry.value);
      if (!at) return parse_error("an ELF file that is cut off or damaged");
      if (entry.tag == kNeeded)
        facts.needed.push_back(image.string_at(*at));
      else if (entry.tag == kRunpath || facts.run_path.empty())
        facts.run_path = image.string_at(*at);
    }
  }
  if (image.broken()) return parse_error("an ELF file that is cut off or damaged");
  return facts;
}

std::string elf_architecture(const ElfFacts& facts) {
  switch (facts.machine) {
    case 3:
      return "i686";
    case 21:
      return facts.little_endian ? "ppc64le" : "ppc64";
    case 22:
      return facts.is_64 ? "s390x" : "s390";
    case 40:
      return "armv7l";
    case 62:
      return "x86_64";
    case 183:
      return "aarch64";
    case 243:
      return facts.is_64 ? "riscv64" : "riscv32";
    case 258:
      return "loongarch64";
    default:
      return "";
  }
}

std::string strip_elf(std::string_view bytes) {
  if (!is_elf(bytes)) return std::string(bytes);
  Image image{bytes};
  const std::uint64_t count = image.get(0, ehdr::shnum), names = image.get(0, ehdr::shstrndx);
  if (image.get(0, ehdr::shoff) == 0 || count == 0 || names >= count) return image.take();
  if (image.get(0, ehdr::shentsize) == 0) return image.take();

  std::uint64_t end = image.get(0, ehdr::phoff) + image.get(0, ehdr::phnum) * image.get(0, ehdr::phentsize);
  for (const Segment& segment : image.segments()) end = std::max(end, segment.offset + segment.filesz);
  const std::uint64_t names_at = image.get(image.section_at(names), shdr::offset);
  const std::uint64_t header_size = image.get(0, ehdr::shentsize);

  std::vector<std::uint64_t> new_index(count, 0);
  std::string headers, name_table(1, '\0');
  std::vector<std::uint64_t> name_offsets;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = image.section_at(i);
    if (i != 0 && !(image.get(at, shdr::flags) & kAlloc)) continue;
    new_index[i] = headers.size() / header_size;
    headers += image.range(at, header_size);
    name_offsets.push_back(i == 0 ? 0 : name_table.size());
    if (i != 0) name_table += image.string_at(names_at + image.get(at, shdr::name)) + '\0';
    if (i != 0 && image.get(at, shdr::type) != kNoBits)
      end = std::max(end, image.get(at, shdr::offset) + image.get(at, shdr::size));
  }
  const std::uint64_t kept = name_offsets.size();
  headers += image.range(image.section_at(names), header_size);
  name_offsets.push_back(name_table.size());
  name_table += std::string(".shstrtab") + '\0';
  if (image.broken() || end > image.size()) return std::string(bytes);

  image.truncate(end);
  const std::uint64_t table_at = image.size();
  image.append(name_table);
  image.align_end(8);
  const std::uint64_t headers_at = image.size();
  image.append(headers);
  image.set(0, ehdr::shoff, headers_at);
  image.set(0, ehdr::shnum, kept + 1);
  image.set(0, ehdr::shstrndx, kept);
  for (std::uint64_t i = 0; i <= kept; ++i) {
    const std::uint64_t at = image.section_at(i);
    image.set(at, shdr::name, name_offsets[i]);
    const std::uint64_t link = image.get(at, shdr::link), info = image.get(at, shdr::info);
    image.set(at, shdr::link, link < count ? new_index[link] : 0);
    if (image.get(at, shdr::flags) & kInfoLink) image.set(at, shdr::info, info < count ? new_index[info] : 0);
  }
  const std::uint64_t names_header = image.section_at(kept);
  image.set(names_header, shdr::offset, table_at);
  image.set(names_header, shdr::size, name_table.size());
  return image.take();
}

Expected<std::string> with_run_path(std::string_view bytes, std::string_view run_path) {
  if (!is_elf(bytes)) return parse_error("not an ELF file");
  Image image{bytes};
  auto segments = image.segments();
  auto dynamic = read_dynamic(image, segments);
  if (!dynamic) return parse_error("it has no dynamic section");

  const DynamicEntry* old = dynamic->find(kRunpath);
  if (!old) old = dynamic->find(kRpath);
  std::optional<std::uint64_t> value;
  if (old) {
    const auto at = dynamic->string_offset(segments, old->value);
    if (!at) return parse_error("an ELF file that is cut off or damaged");
    const std::uint64_t room = image.string_at(*at).size();
    if (run_path.size() <= room && !tail_is_shared(image, old->value, room)) {
      std::string text(run_path);
      text.resize(room, '\0');
      image.overwrite(*at, text);
      value = old->value;
    }
  }
  if (!value) {
    // The whole string table moves, with the new string at its end, so that every other offset stays what it
    // was.
    const DynamicEntry* size = dynamic->find(kStrsz);
    const auto at = dynamic->string_offset(segments, 0);
    if (!size || !at) return parse_error("an ELF file that is cut off or damaged");
    std::string strings(image.range(*at, size->value));
    value = strings.size();
    strings += run_path;
    strings += '\0';
    const auto address = append_segment(image, segments, strings);
    if (!address)
      return parse_error("its run path has no room, and it has no note segment to give up for it");
    move_string_section(image, dynamic->strings_address, *address, strings.size());
    for (DynamicEntry& entry : dynamic->entries) {
      if (entry.tag == kStrtab) entry.value = *address;
      if (entry.tag == kStrsz) entry.value = strings.size();
    }
  }
  std::erase_if(dynamic->entries, [](const DynamicEntry& e) { return e.tag == kRpath || e.tag == kRunpath; });
  dynamic->entries.push_back({kRpath, *value});
  if (dynamic->entries.size() + 1 > dynamic->capacity)
    return parse_error("its dynamic section has no room for a run path");
  write_dynamic(image, *dynamic);
  if (image.broken()) return parse_error("an ELF file that is cut off or damaged");
  std::string changed = image.take();
  // Tables that lie upon each other overwrite each other.
  if (!read_elf(changed)) return parse_error("an ELF file that is cut off or damaged");
  return changed;
}

}  // namespace moat
