#include "fetch/index/ranged_wheel.h"

#include "fetch/http/http_policy.h"

#include <algorithm>
#include <string_view>

namespace moat {
namespace {

// The first request: end records, directory, RECORD and METADATA of a wheel of some hundred files.
constexpr std::uint64_t kSmallestTail = std::uint64_t{32} << 10U;
constexpr std::uint64_t kLargestTail = std::uint64_t{64} << 10U;
// Wheel builders put METADATA near the end, with little but RECORD after it, and RECORD, whose hashes do not
// deflate, is somewhat shorter than the directory. This many bytes are read together with the rest of a long
// directory.
constexpr std::uint64_t before_directory(std::uint64_t directory_size) {
  return (std::uint64_t{16} << 10U) + std::min(directory_size / 4 * 3, std::uint64_t{128} << 10U);
}
// A directory longer than this belongs to a wheel of 100,000 files.
constexpr std::uint64_t kLongestDirectory = std::uint64_t{16} << 20U;
// How much a response may exceed the request: a server that ignores ranges sends a small wheel whole.
constexpr std::uint64_t kSlack = std::uint64_t{64} << 10U;

// The offset of a 206's body in its file; nullopt if the response gives none, or an inconsistent one.
struct RangePlace {
  std::uint64_t first = 0;
  std::uint64_t total = 0;
};
std::optional<RangePlace> place_of(const HttpResponse& response) {
  const std::string* header = response.header("content-range");
  if (response.status != 206 || header == nullptr) return std::nullopt;
  const auto range = parse_content_range(*header);
  if (!range || !range->total || range->last < range->first || range->last >= *range->total)
    return std::nullopt;
  if (response.body.size() != range->last - range->first + 1) return std::nullopt;
  return RangePlace{range->first, *range->total};
}

bool is_gone(int status) { return status == 404 || status == 410; }

// The server does not do ranges, or not rightly.
RangedWheel::Step without_ranges() { return {.next = RangedWheel::ReadWhole{}, .ranges_work = false}; }

}  // namespace

std::optional<std::string> RangedWheel::Pieces::read(std::uint64_t offset, std::uint64_t size) const {
  std::string out;
  while (out.size() < size) {
    const std::uint64_t at = offset + out.size();
    const auto holds = [at](const auto& piece) {
      return piece.first <= at && at - piece.first < piece.second.size();
    };
    const auto piece = std::find_if(pieces_.begin(), pieces_.end(), holds);
    if (piece == pieces_.end()) return std::nullopt;
    out +=
        std::string_view(piece->second)
            .substr(static_cast<std::size_t>(at - piece->first), static_cast<std::size_t>(size - out.size()));
  }
  return out;
}

RangedWheel::RangedWheel(WheelFilename name, std::string filename, std::optional<std::uint64_t> size)
    : name_(std::move(name)), filename_(std::move(filename)), size_(size.value_or(0)) {}

RangedWheel::Wanted RangedWheel::begin() {
  // Larger wheels hold more files, so their directories are longer.
  const std::uint64_t tail = std::clamp(size_ / 256, kSmallestTail, kLargestTail);
  // An explicit range if the size is known: some servers refuse suffix ranges.
  if (size_ > 0) {
    const std::uint64_t length = std::min(tail, size_);
    return want(Part::Tail, size_ - length, length);
  }
  return {.range = {.first = tail, .suffix = true}, .max_size = tail + kSlack};
}

RangedWheel::Wanted RangedWheel::want(Part part, std::uint64_t first, std::uint64_t size) {
  part_ = part;
  asked_first_ = first;
  asked_ = size;
  return {.range = {.first = first, .last = first + size - 1}, .max_size = size + kSlack};
}

RangedWheel::Step RangedWheel::take(HttpResponse response) {
  if (part_ == Part::Tail) return take_tail(std::move(response));
  const auto place = place_of(response);
  if (!place || place->first != asked_first_ || place->total != size_ || response.body.size() != asked_)
    return without_ranges();
  pieces_.add(asked_first_, std::move(response.body));
  return {.next = part_ == Part::Directory ? read_directory() : read_member()};
}

// From here on the size is the server's.
RangedWheel::Step RangedWheel::take_tail(HttpResponse response) {
  if (is_gone(response.status)) return {.next = ReadWhole{}};
  if (response.status == 200) {  // the whole file, and a small one
    size_ = response.body.size();
    return {.next = take_end(std::move(response.body)), .ranges_work = false};
  }
  const auto place = place_of(response);
  if (!place || place->first + response.body.size() != place->total) return without_ranges();
  size_ = place->total;
  return {.next = take_end(std::move(response.body)), .ranges_work = true};
}

RangedWheel::Next RangedWheel::take_end(std::string tail) {
  const std::uint64_t first = size_ - tail.size();
  const auto end = find_zip_end(tail, size_);
  if (!end || end->directory_size > kLongestDirectory) return ReadWhole{};
  end_ = *end;
  pieces_.add(first, std::move(tail));
  if (end_.directory_offset >= first) return read_directory();
  const std::uint64_t from =
      end_.directory_offset - std::min(end_.directory_offset, before_directory(end_.directory_size));
  return want(Part::Directory, from, first - from);
}

RangedWheel::Next RangedWheel::read_directory() {
  const auto bytes = pieces_.read(end_.directory_offset, end_.directory_size);
  if (!bytes) return ReadWhole{};
  const auto entries = parse_central_directory(*bytes, end_);
  if (!entries) return unreadable_wheel(filename_, entries.error());
  const auto entry = find_metadata(*entries, name_);
  if (!entry) return unreadable_wheel(filename_, entry.error());
  entry_ = **entry;
  if (entry_.record_size > kLongestMetadata) return ReadWhole{};
  if (pieces_.read(entry_.header_offset, entry_.record_size)) return read_member();
  return want(Part::Member, entry_.header_offset, entry_.record_size);
}

RangedWheel::Next RangedWheel::read_member() const {
  const auto record = pieces_.read(entry_.header_offset, entry_.record_size);
  if (!record) return ReadWhole{};
  auto text = inflate_member(entry_, *record, kLongestMetadata);
  if (!text) return unreadable_wheel(filename_, text.error());
  return std::move(*text);
}

}  // namespace moat
