// Values as one text that names them: the key of something that is kept.
#pragma once

#include "resolver/solve/solve.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Texts one after the other, each with its length, so that no two lists give the same digest.
class KeyText {
 public:
  KeyText& add(std::string_view text);
  KeyText& add(const std::vector<RootRequirement>& lines);  // what is asked, and with which hashes
  // Of a list, so that what follows it cannot be taken for more of it.
  KeyText& count(std::size_t size) { return add(std::to_string(size)); }

  std::string digest() const;  // 32 hex digits

 private:
  std::string text_;
};

}  // namespace moat
