#include "fetch/bytes/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>
#include <vector>

namespace moat {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16U;
constexpr int kGzip = 16;  // added to the window's bits: a gzip header instead of zlib's
constexpr int kLevel = 6, kMemory = 8;

Bytef* zlib_bytes(const char* bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));  // zlib only reads next_in
}

// Calls `step` with each part of `bytes` that zlib's counters can hold.
template <class F>
void in_parts(std::string_view bytes, F&& step) {
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
    step(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

}  // namespace

struct GzipWriter::State {
  explicit State(Sink to) : sink(std::move(to)), out(kPiece) {
    if (deflateInit2(&zlib, kLevel, Z_DEFLATED, MAX_WBITS + kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~State() { deflateEnd(&zlib); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void run(std::string_view bytes, int flush) {
    zlib.next_in = zlib_bytes(bytes.data());
    zlib.avail_in = static_cast<uInt>(bytes.size());
    do {
      zlib.next_out = reinterpret_cast<Bytef*>(out.data());
      zlib.avail_out = static_cast<uInt>(out.size());
      deflate(&zlib, flush);
      if (zlib.avail_out < out.size()) sink({out.data(), out.size() - zlib.avail_out});
    } while (zlib.avail_out == 0);
  }

  Sink sink;
  std::vector<char> out;
  z_stream zlib{};
};

GzipWriter::GzipWriter(Sink sink) : state_(std::make_unique<State>(std::move(sink))) {}
GzipWriter::~GzipWriter() = default;
void GzipWriter::write(std::string_view bytes) {
  in_parts(bytes, [&](std::string_view part) { state_->run(part, Z_NO_FLUSH); });
}
void GzipWriter::finish() { state_->run({}, Z_FINISH); }

struct GzipReader::State {
  State(std::uint64_t limit, Sink to) : left(limit), sink(std::move(to)), out(kPiece) {
    if (inflateInit2(&zlib, MAX_WBITS + kGzip) != Z_OK) throw std::bad_alloc();
  }
  ~State() { inflateEnd(&zlib); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Expected<void> run(std::string_view bytes) {
    zlib.next_in = zlib_bytes(bytes.data());
    zlib.avail_in = static_cast<uInt>(bytes.size());
    while (zlib.avail_in > 0 || zlib.avail_out == 0) {
      if (ended) return parse_error("there are bytes after the end of its gzip stream");
      zlib.next_out = reinterpret_cast<Bytef*>(out.data());
      zlib.avail_out = static_cast<uInt>(out.size());
      const int result = inflate(&zlib, Z_NO_FLUSH);
      if (result == Z_BUF_ERROR) return {};  // nothing more without more input
      if (result != Z_OK && result != Z_STREAM_END) return parse_error("its gzip stream is damaged");
      const std::size_t size = out.size() - zlib.avail_out;
      if (size > left) return parse_error("it is too large");
      left -= size;
      if (size > 0) sink({out.data(), size});
      if (result == Z_STREAM_END) {
        ended = true;
        zlib.avail_out = 1;  // so that nothing is held back
      }
    }
    return {};
  }

  std::uint64_t left;
  Sink sink;
  std::vector<char> out;
  z_stream zlib{};
  bool ended = false;
};

GzipReader::GzipReader(std::uint64_t most, Sink sink)
    : state_(std::make_unique<State>(most, std::move(sink))) {}
GzipReader::~GzipReader() = default;
Expected<void> GzipReader::write(std::string_view bytes) {
  Expected<void> result;
  in_parts(bytes, [&](std::string_view part) {
    if (result) result = state_->run(part);
  });
  return result;
}
Expected<void> GzipReader::finish() const {
  if (!state_->ended) return parse_error("its gzip stream is cut off");
  return {};
}

}  // namespace moat
