// The format of a page's summary; page_summary.h says what it is for. Used by its writer and its reader.
#pragma once

#include "resolver/base/text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace moat::page_summary {

inline constexpr std::string_view kMagic = "moat page 3\n";

// Flags of a file's traits.
enum TraitFlag : std::uint32_t {
  kIsWheel = 1U << 0U,
  kHasTime = 1U << 1U,
  kIsYanked = 1U << 2U,
};

// Flags of the rest.
enum RestFlag : std::uint32_t {
  kHasSize = 1U << 0U,
  kHasMetadata = 1U << 1U,
  kHasMetadataDigest = 1U << 2U,
  kUrlEndsInName = 1U << 3U,  // the rest of the URL is not repeated
  kUrlHasPrefix = 1U << 4U,   // the page's common prefix is not repeated
};

// Integers are varints (7 bits a byte, lowest first), texts a length and their bytes.
class ByteWriter {
 public:
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>((value & 0x7fU) | 0x80U);
      value >>= 7U;
    }
    bytes_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void raw(std::string_view value) { bytes_ += value; }
  std::size_t size() const { return bytes_.size(); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) return fail();
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  std::string_view text() {
    const std::uint64_t length = number();
    if (length > bytes_.size() - at_) {
      fail();
      return {};
    }
    const std::string_view value = bytes_.substr(at_, static_cast<std::size_t>(length));
    at_ += value.size();
    return value;
  }
  bool literal(std::string_view expected) {
    if (bytes_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  // A count of items that take at least a byte each.
  std::size_t count() {
    const std::uint64_t value = number();
    return static_cast<std::size_t>(value > bytes_.size() - at_ ? fail() : value);
  }
  // All remaining bytes.
  std::string_view rest() const { return bytes_.substr(at_); }
  bool failed() const { return failed_; }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::uint64_t fail() {
    failed_ = true;
    at_ = bytes_.size();
    return 0;
  }
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

// The components of a wheel's name.
struct WheelParts {
  std::string_view version, build, tags;

  // A stored summary may be damaged.
  static bool fits(std::string_view filename) {
    return std::count(
               filename.begin(),
               filename.begin() + static_cast<std::ptrdiff_t>(std::min(filename.rfind('.'), filename.size())),
               '-') >= 4;
  }

  // REQUIRES: fits(filename).
  explicit WheelParts(std::string_view filename) {
    const std::string_view stem = filename.substr(0, filename.rfind('.'));
    const std::size_t first = stem.find('-');
    const std::size_t second = stem.find('-', first + 1);
    version = stem.substr(first + 1, second - first - 1);
    std::size_t tags_at = stem.size();
    for (int i = 0; i < 3; ++i) tags_at = stem.rfind('-', tags_at - 1);
    tags = stem.substr(tags_at + 1);
    if (tags_at > second) build = stem.substr(second + 1, tags_at - second - 1);
  }
};

}  // namespace moat::page_summary
