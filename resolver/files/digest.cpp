#include "resolver/files/digest.h"

#include "resolver/base/base64.h"
#include "resolver/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace moat {
namespace {

struct Algorithm {
  std::string_view name;
  std::size_t hex_length;
  int strength;
};
constexpr std::array<Algorithm, 7> kAlgorithms = {{{"md5", 32, 1},
                                                   {"sha1", 40, 2},
                                                   {"sha224", 56, 3},
                                                   {"sha256", 64, 5},
                                                   {"sha384", 96, 6},
                                                   {"sha512", 128, 7},
                                                   {"blake2b", 128, 4}}};

const Algorithm* find_algorithm(std::string_view name) {
  const auto* const found = std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                                         [&](const Algorithm& a) { return a.name == name; });
  return found == kAlgorithms.end() ? nullptr : found;
}

}  // namespace

Expected<Digest> Digest::parse(std::string_view algorithm, std::string_view hex) {
  Digest digest{ascii_lower(algorithm), ascii_lower(hex)};
  const Algorithm* known = find_algorithm(digest.algorithm);
  if (known == nullptr) return parse_error(quote(algorithm) + " is not a supported hash algorithm");
  const auto is_hex = [](char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'f'); };
  if (digest.hex.size() != known->hex_length || !std::all_of(digest.hex.begin(), digest.hex.end(), is_hex))
    return parse_error("a " + digest.algorithm + " hash is " + std::to_string(known->hex_length) +
                       " hex digits");
  return digest;
}

Expected<Digest> Digest::parse(std::string_view text) {
  const std::size_t separator = text.find_first_of(":=");
  if (separator == std::string_view::npos) return parse_error("a hash is written algorithm:hex");
  return parse(text.substr(0, separator), text.substr(separator + 1));
}

int Digest::strength() const {
  const Algorithm* known = find_algorithm(algorithm);
  return known == nullptr ? 0 : known->strength;
}

bool Digest::is_strong() const { return strength() >= 4 && algorithm != "blake2b"; }

std::string Digest::base64() const { return to_base64url(from_hex(hex)); }

}  // namespace moat
