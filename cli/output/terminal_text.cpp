#include "cli/output/terminal_text.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace moat {
namespace {

// REQUIRES: one whole sequence of UTF-8.
std::uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[at]));
  };
  if (sequence.size() == 1) return byte(0);
  std::uint32_t code = byte(0) & (0xffU >> (sequence.size() + 1));
  for (std::size_t i = 1; i < sequence.size(); ++i) code = code << 6U | (byte(i) & 0x3fU);
  return code;
}

bool is_control(std::uint32_t code) {
  return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
}

// Embeddings, overrides, isolates and marks of direction; separators of lines; annotations; tags.
bool reorders_or_hides(std::uint32_t code) {
  const auto within = [code](std::uint32_t first, std::uint32_t last) {
    return first <= code && code <= last;
  };
  return code == 0x061c || within(0x200e, 0x200f) || within(0x2028, 0x202e) || within(0x2066, 0x2069) ||
         within(0xfff9, 0xfffb) || within(0xe0000, 0xe007f);
}

bool is_plain(char c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t'; }

}  // namespace

std::string for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto odd = std::find_if_not(text.begin(), text.end(), is_plain);
    const auto plain = static_cast<std::size_t>(odd - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t length = utf8_sequence(text);
    const std::uint32_t code =
        length == 0 ? static_cast<unsigned char>(text.front()) : code_point(text.substr(0, length));
    if (length == 0 || is_control(code))
      out += fmt::format("\\x{:02x}", code);
    else if (reorders_or_hides(code))
      out += fmt::format("\\u{:04x}", code);
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace moat
