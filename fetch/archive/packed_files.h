// Files that still lie in an archive: placed straight from there, each is written once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace moat {

// Any number of threads, each with its own reader. What it reads is verified: Error(BadArchive), and what the
// sink has seen of that file by then must be thrown away.
class PackedFiles {
 public:
  using Sink = std::function<void(std::string_view)>;
  // Reads file after file; keeps its buffers. One thread at a time, and no longer than the files.
  class Reader {
   public:
    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    virtual ~Reader() = default;
    // REQUIRES: there is such a file.
    virtual void read(std::string_view path, const Sink& sink) = 0;
  };

  PackedFiles() = default;
  PackedFiles(const PackedFiles&) = delete;
  PackedFiles& operator=(const PackedFiles&) = delete;
  virtual ~PackedFiles() = default;

  virtual std::unique_ptr<Reader> reader() const = 0;

  // A small one.
  std::string text(std::string_view path) const {
    std::string out;
    reader()->read(path, [&](std::string_view piece) { out += piece; });
    return out;
  }
};

}  // namespace moat
