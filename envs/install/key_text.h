// Values as one text that identifies them: the key of a cached result.
#pragma once

#include "resolver/solve/solve.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Texts one after the other, each with its length, so that different lists give different digests.
class KeyText {
 public:
  KeyText& add(std::string_view text);
  KeyText& add(const std::vector<RootRequirement>& lines);  // what is asked, and with which hashes
  // Ends a list, so that following items cannot be taken for part of it.
  KeyText& count(std::size_t size) { return add(std::to_string(size)); }

  std::string digest() const;  // 32 hex digits

 private:
  std::string text_;
};

}  // namespace moat
