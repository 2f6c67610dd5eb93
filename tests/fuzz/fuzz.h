// What fuzz targets share. A target reads any bytes as a text, and stops the program where a law is broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace moat::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Unlike assert, in every build.
inline void require(bool law, std::string_view what) {
  if (law) return;
  std::cerr << "broken: " << what << '\n';
  std::abort();
}

}  // namespace moat::fuzz
