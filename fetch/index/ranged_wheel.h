// METADATA out of a wheel that lies on a server, by as few byte ranges as it takes.
#pragma once

#include "fetch/archive/zip_directory.h"
#include "fetch/http/http.h"
#include "fetch/index/wheel_metadata.h"
#include "resolver/pep/dist_filename.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moat {

// Pure: says which bytes it wants, takes what the server answered, and says what follows. First the tail,
// seldom a second and third piece:
//
//   RangedWheel wheel(…); wheel.begin() → take(response) → … until something else than a range follows.
class RangedWheel {
 public:
  // What to ask for next.
  struct Wanted {
    ByteRange range;
    std::uint64_t max_size = 0;  // of the response
  };
  // It cannot be read by ranges.
  struct ReadWhole {};
  // A text is all of METADATA.
  using Next = std::variant<Wanted, std::string, UnusableWheel, ReadWhole>;
  struct Step {
    Next next;
    // What the response shows of the server; nullopt: nothing.
    std::optional<bool> ranges_work = std::nullopt;
  };

  // `filename`: as its URL ends. `size`: as the index says, if it does.
  RangedWheel(WheelFilename name, std::string filename, std::optional<std::uint64_t> size);

  Wanted begin();
  // REQUIRES: begin(), or the take() before this one, wanted it.
  Step take(HttpResponse response);

 private:
  enum class Part { Tail, Directory, Member };

  // The pieces of the file that have been read.
  class Pieces {
   public:
    void add(std::uint64_t offset, std::string bytes) { pieces_.emplace_back(offset, std::move(bytes)); }
    // The bytes, if one piece or several adjacent ones hold all of them.
    std::optional<std::string> read(std::uint64_t offset, std::uint64_t size) const;

   private:
    std::vector<std::pair<std::uint64_t, std::string>> pieces_;
  };

  Wanted want(Part part, std::uint64_t first, std::uint64_t size);
  Step take_tail(HttpResponse response);
  Next take_end(std::string tail);
  Next read_directory();
  Next read_member() const;

  WheelFilename name_;
  std::string filename_;
  std::uint64_t size_ = 0;  // 0: unknown

  Part part_ = Part::Tail;  // what was asked for last, and which bytes
  std::uint64_t asked_first_ = 0, asked_ = 0;
  Pieces pieces_;
  ZipEnd end_;
  ZipEntry entry_;
};

}  // namespace moat
