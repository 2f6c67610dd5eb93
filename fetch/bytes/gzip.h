// Gzip streams in pieces. The header that is written has no name and no time, so that the same bytes give the
// same stream.
#pragma once

#include "resolver/base/error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace moat {

class GzipWriter {
 public:
  using Sink = std::function<void(std::string_view)>;
  explicit GzipWriter(Sink sink);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  void write(std::string_view bytes);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The stream that it is fed may be hostile.
class GzipReader {
 public:
  using Sink = std::function<void(std::string_view)>;
  // More than `most` bytes are an error.
  GzipReader(std::uint64_t most, Sink sink);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  Expected<void> write(std::string_view bytes);
  // Fails where the stream has no end yet.
  Expected<void> finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moat
