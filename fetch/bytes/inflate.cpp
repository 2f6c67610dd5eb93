#include "fetch/bytes/inflate.h"

#include "fetch/bytes/gzip.h"

#include <zlib.h>
#if MOAT_LIBDEFLATE
#include <libdeflate.h>
#endif

#include <algorithm>
#include <limits>
#include <new>
#include <utility>
#include <vector>

namespace moat {

namespace {

constexpr std::size_t kOutputPiece = 1U << 20U;

Bytef* zlib_bytes(const char* bytes) {
  return reinterpret_cast<Bytef*>(
      const_cast<char*>(bytes));  // zlib reads next_in only; its type predates const
}

}  // namespace

struct Inflater::State {
  State() {
    if (inflateInit2(&zlib, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
#if MOAT_LIBDEFLATE
    deflate = libdeflate_alloc_decompressor();
    if (!deflate) {
      inflateEnd(&zlib);
      throw std::bad_alloc();
    }
#endif
  }
  ~State() {
    inflateEnd(&zlib);
#if MOAT_LIBDEFLATE
    libdeflate_free_decompressor(deflate);
#endif
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  z_stream zlib{};
  std::vector<char> output;
#if MOAT_LIBDEFLATE
  libdeflate_decompressor* deflate = nullptr;
#endif
};

Inflater::Inflater() : state_(std::make_unique<State>()) {}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;

#if MOAT_LIBDEFLATE
Expected<void> Inflater::whole(std::string_view stream, std::span<char> out) {
  // libdeflate refuses a null output even if the output is empty.
  char nothing = 0;
  char* const into = out.empty() ? &nothing : out.data();
  std::size_t used = 0, made = 0;
  const auto result = libdeflate_deflate_decompress_ex(state_->deflate, stream.data(), stream.size(), into,
                                                       out.size(), &used, &made);
  if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return parse_error("inflates to more than its size");
  if (result != LIBDEFLATE_SUCCESS) return parse_error("is not a deflate stream");
  if (used != stream.size()) return parse_error("has bytes after its deflate stream");
  if (made != out.size()) return parse_error("inflates to less than its size");
  return {};
}
#else
Expected<void> Inflater::whole(std::string_view stream, std::span<char> out) {
  std::size_t filled = 0;
  bool given = false;
  return pieces([&] { return std::exchange(given, true) ? std::string_view{} : stream; }, out.size(),
                [&](std::string_view bytes) {
                  bytes.copy(out.data() + filled, bytes.size());
                  filled += bytes.size();
                });
}
#endif

Expected<void> Inflater::pieces(const std::function<std::string_view()>& next, std::uint64_t size,
                                const std::function<void(std::string_view)>& sink) {
  z_stream& zlib = state_->zlib;
  inflateReset(&zlib);
  std::vector<char>& output = state_->output;
  output.resize(kOutputPiece);
  std::uint64_t made = 0;
  std::string_view input;
  for (;;) {
    if (input.empty()) input = next();
    const auto offered =
        static_cast<uInt>(std::min<std::size_t>(input.size(), std::numeric_limits<uInt>::max()));
    zlib.next_in = zlib_bytes(input.data());
    zlib.avail_in = offered;
    zlib.next_out = zlib_bytes(output.data());
    zlib.avail_out = static_cast<uInt>(output.size());
    const int result = inflate(&zlib, Z_NO_FLUSH);
    input.remove_prefix(offered - zlib.avail_in);
    const std::size_t got = output.size() - zlib.avail_out;
    made += got;
    if (made > size) return parse_error("inflates to more than its size");
    if (got != 0) sink({output.data(), got});
    if (result == Z_STREAM_END) break;
    if (result == Z_BUF_ERROR && offered == 0) return parse_error("ends within its deflate stream");
    if (result != Z_OK && result != Z_BUF_ERROR) return parse_error("is not a deflate stream");
  }
  if (!input.empty() || !next().empty()) return parse_error("has bytes after its deflate stream");
  if (made != size) return parse_error("inflates to less than its size");
  return {};
}

std::uint32_t crc32_update(std::uint32_t crc, std::string_view bytes) {
#if MOAT_LIBDEFLATE
  return libdeflate_crc32(crc, bytes.data(), bytes.size());
#else
  return static_cast<std::uint32_t>(crc32_z(crc, zlib_bytes(bytes.data()), bytes.size()));
#endif
}

std::optional<std::uint64_t> claimed_length(std::string_view stream) {
  constexpr std::size_t kField = 4, kLeast = 18;  // ISIZE, the last field (RFC 1952)
  if (stream.size() < kLeast) return std::nullopt;
  std::uint64_t length = 0;
  for (std::size_t i = 1; i <= kField; ++i)
    length = length << 8U | static_cast<unsigned char>(stream[stream.size() - i]);
  return length;
}

#if MOAT_LIBDEFLATE
bool gunzip(std::string_view stream, std::span<char> out) {
  struct Free {
    void operator()(libdeflate_decompressor* one) const { libdeflate_free_decompressor(one); }
  };
  const std::unique_ptr<libdeflate_decompressor, Free> deflate(libdeflate_alloc_decompressor());
  if (!deflate) throw std::bad_alloc();
  std::size_t taken = 0, made = 0;
  char none = 0;  // libdeflate refuses a null output even if the output is empty
  const auto result =
      libdeflate_gzip_decompress_ex(deflate.get(), stream.data(), stream.size(),
                                    out.empty() ? &none : out.data(), out.size(), &taken, &made);
  return result == LIBDEFLATE_SUCCESS && taken == stream.size() && made == out.size();
}
#else
bool gunzip(std::string_view stream, std::span<char> out) {
  std::size_t made = 0;
  GzipReader reader(out.size(), [&](std::string_view piece) {
    std::ranges::copy(piece, out.data() + made);
    made += piece.size();
  });
  return reader.write(stream) && reader.finish() && made == out.size();
}
#endif

}  // namespace moat
