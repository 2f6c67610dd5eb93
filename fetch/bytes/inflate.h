// Raw deflate streams, whole gzip streams and CRC-32: libdeflate where the build has it (two to three times
// as fast), zlib for streams too long to be held in memory, and for everything without libdeflate.
#pragma once

#include "resolver/base/error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace moat {

// Keeps its tables between streams. Move-only; one thread at a time.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;

  // All of `stream` must inflate to all of `out`; anything else is an error.
  Expected<void> whole(std::string_view stream, std::span<char> out);

  // The same in pieces. `next` gives the next bytes of the stream, "" at its end; `sink` takes what comes
  // out, at most `size` bytes in all.
  Expected<void> pieces(const std::function<std::string_view()>& next, std::uint64_t size,
                        const std::function<void(std::string_view)>& sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// CRC-32 of zip over bytes fed in pieces; begin with 0.
std::uint32_t crc32_update(std::uint32_t crc, std::string_view bytes);

// The length that a whole gzip stream claims to have unpacked (beyond 4 GB: modulo that); nullopt: it is no
// stream.
std::optional<std::uint64_t> claimed_length(std::string_view stream);
// A whole gzip stream at once, three times as fast as in pieces. It must fill `out` exactly, and have nothing
// after its end. Why it does not, GzipReader says.
bool gunzip(std::string_view stream, std::span<char> out);

}  // namespace moat
