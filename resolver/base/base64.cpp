#include "resolver/base/base64.h"

#include <cstdint>

namespace moat {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHex = "0123456789abcdef";

unsigned value_of(char c) { return static_cast<unsigned char>(c); }

std::string encode(std::string_view bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  unsigned bits = 0, held = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | value_of(c);
    for (held += 8; held >= 6; held -= 6) out += alphabet[(bits >> (held - 6)) & 63U];
  }
  if (held > 0) out += alphabet[(bits << (6 - held)) & 63U];
  return out;
}

Expected<std::string> decode(std::string_view text, std::string_view alphabet) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  unsigned bits = 0, held = 0;
  for (const char c : text) {
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return parse_error("it is not base64");
    bits = (bits << 6U) | static_cast<unsigned>(digit);
    held += 6;
    if (held >= 8) out += static_cast<char>((bits >> (held -= 8)) & 0xffU);
  }
  if (encode(out, alphabet) != text) return parse_error("it is not base64");
  return out;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out = encode(bytes, kStandard);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

Expected<std::string> from_base64(std::string_view text) {
  std::string_view digits = text;
  while (digits.size() + 2 > text.size() && digits.ends_with('=')) digits.remove_suffix(1);
  if (text.empty() || text.size() % 4 != 0) return parse_error("it is not base64");
  return decode(digits, kStandard);
}

std::string to_base64url(std::string_view bytes) { return encode(bytes, kUrl); }

Expected<std::string> from_base64url(std::string_view text) {
  if (text.empty()) return parse_error("it is not base64");
  return decode(text, kUrl);
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kHex[value_of(c) >> 4U];
    out += kHex[value_of(c) & 15U];
  }
  return out;
}

std::string from_hex(std::string_view hex) {
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>((kHex.find(hex[i]) << 4U) | kHex.find(hex[i + 1]));
  return out;
}

}  // namespace moat
