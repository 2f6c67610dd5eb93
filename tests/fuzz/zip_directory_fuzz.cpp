#include "fetch/archive/zip_directory.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <cstring>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view bytes = fuzz::text_of(data, size);
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
    if (offset >= size) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), size - offset);
    std::memcpy(into.data(), data + offset, count);
    return count;
  };
  constexpr std::uint64_t kMost = 1U << 20U;
  const auto entries = read_zip_directory(read, size, {.entries = 1000, .total_size = kMost});
  if (!entries) return 0;
  std::uint64_t end = 0;
  MemberReader members(read);
  for (const ZipEntry& entry : *entries) {
    fuzz::require(entry.header_offset == end, "records follow one another without a gap");
    end = entry.header_offset + entry.record_size;
    fuzz::require(entry.data_offset + entry.compressed_size <= end, "a member lies within its record");
    fuzz::require(("/" + entry.name + "/").find("/../") == std::string::npos, "no name leaves the archive");
    fuzz::require(entry.name.front() != '/', "no name is absolute");
    std::string contents;
    const auto streamed = members.read(entry, [&](std::string_view piece) { contents += piece; });
    const auto record = bytes.substr(entry.header_offset, entry.record_size);
    const auto inflated = inflate_member(entry, record, kMost);
    fuzz::require(streamed.has_value() == inflated.has_value(), "both readers accept the same members");
    if (streamed)
      fuzz::require(contents == *inflated && contents.size() == entry.size, "and read the same bytes");
  }
  fuzz::require(end < size, "the central directory comes after the last record");
  return 0;
}
