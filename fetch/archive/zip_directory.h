// Zip archives, accepted only if their end records, central directory and local headers agree. Readers
// disagree about archives that contradict themselves, so a scanner may see one file and an installer another;
// such archives are refused before a byte is unpacked. Pure: bytes come through a function. zlib and
// libdeflate are behind this header.
//
// A local file: read_zip_directory(), then MemberReader::read().
// A remote wheel: find_zip_end() on its tail, parse_central_directory() on the directory (a second request if
// it is long), inflate_member() on one record.
#pragma once

#include "resolver/base/error.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Fills `into` from `offset`; returns how many bytes there were (fewer only at the end). May throw.
using ReadAt = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> into)>;

enum class ZipMethod : std::uint16_t { Stored = 0, Deflated = 8 };

// One record. The name is UTF-8, relative, made of plain components ("foo/bar.py"; directories end in '/').
struct ZipEntry {
  std::string name;
  ZipMethod method = ZipMethod::Stored;
  std::uint16_t flags = 0;
  std::uint32_t crc32 = 0;
  std::uint64_t compressed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t header_offset = 0;  // of the local header
  std::uint64_t record_size = 0;    // from there to the next record, or to the central directory
  std::uint64_t data_offset = 0;    // known (not 0) once the local header was seen
  std::uint32_t mode = 0;           // st_mode as the archive gives it; 0 where it gives none
  std::int64_t mtime = 0;           // unix seconds; the archive's time of day read as UTC

  bool is_directory() const { return !name.empty() && name.back() == '/'; }
  bool executable() const { return (mode & 0111U) != 0; }
};

struct ZipLimits {
  std::uint64_t entries = 1'000'000;
  std::uint64_t total_size = 64ULL << 30U;  // of all members, inflated
  // An archive that grows by more than this factor is refused, once it is beyond `ratio_matters`.
  std::uint64_t ratio = 200;
  std::uint64_t ratio_matters = 1ULL << 30U;
};

// Where the central directory is.
struct ZipEnd {
  std::uint64_t directory_offset = 0;
  std::uint64_t directory_size = 0;
  std::uint64_t entries = 0;
};

// The end records of an archive without a comment, ZIP64 ones included; a longer tail never hurts.
inline constexpr std::size_t kZipEndSize = 22 + 20 + 56;

// From the last bytes of an archive of `file_size` bytes (REQUIRES: at least min(file_size, kZipEndSize); an
// archive comment must be in it whole).
Expected<ZipEnd> find_zip_end(std::string_view tail, std::uint64_t file_size);

// `bytes`: exactly the central directory. Entries by their place in the archive. Runs every check that does
// not need the local headers: names, duplicates, overlaps, limits.
Expected<std::vector<ZipEntry>> parse_central_directory(std::string_view bytes, const ZipEnd& end,
                                                        const ZipLimits& limits = {});

// `record`: the entry's bytes from header_offset on, record_size of them. Checks its local header against the
// entry, inflates, checks length and CRC. REQUIRES (checked): no more than max_size inflated.
Expected<std::string> inflate_member(const ZipEntry& entry, std::string_view record,
                                     std::uint64_t max_size = 64ULL << 20U);

// The whole directory, each local header and data descriptor compared with it.
Expected<std::vector<ZipEntry>> read_zip_directory(const ReadAt& read, std::uint64_t file_size,
                                                   const ZipLimits& limits = {});

// The same for one entry of parse_central_directory(), and sets its data_offset: for archives that are still
// arriving.
Expected<void> find_member_data(const ReadAt& read, ZipEntry& entry);

// Members up to this size, packed and inflated, are inflated whole, which is twice as fast; larger ones in
// pieces, as their bytes come.
inline constexpr std::uint64_t kWholeMember = 32ULL << 20U;

// Inflates member after member; keeps its buffers and tables. One thread at a time.
class MemberReader {
 public:
  explicit MemberReader(ReadAt read);
  ~MemberReader();
  MemberReader(const MemberReader&) = delete;
  MemberReader& operator=(const MemberReader&) = delete;
  MemberReader(MemberReader&&) noexcept;
  MemberReader& operator=(MemberReader&&) noexcept;

  // Gives the member's bytes to `sink`, in order: all at once, or in pieces if it is large. Fails if length
  // or CRC differ from the entry; the sink has then seen bytes that must be thrown away. REQUIRES: an entry
  // of read_zip_directory.
  Expected<void> read(const ZipEntry& entry, const std::function<void(std::string_view)>& sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moat
