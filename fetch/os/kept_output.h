// Keeps the output of a program: all of it or, if it is too long, the beginning and the end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace moat {

// Holds about `most` bytes, however much is appended.
class KeptOutput {
 public:
  explicit KeptOutput(std::size_t most) : half_(most / 2) {}

  void append(std::string_view bytes);
  // All of it; if something was left out, a line in its place says how much. Leaves this empty.
  std::string take();

 private:
  void forget_middle();

  std::size_t half_;
  std::string head_;
  std::string tail_;  // up to twice its share, so that it is cut rarely
  std::size_t left_out_ = 0;
};

}  // namespace moat
