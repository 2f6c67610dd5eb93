// A hash of some bytes, as a value. Computing one is fetch/bytes/hasher's.
#pragma once

#include "resolver/base/error.h"

#include <compare>
#include <string>
#include <string_view>

namespace moat {

// e.g. sha256:9f86d0…; algorithms: md5, sha1, sha224, sha256, sha384, sha512, blake2b.
// The hex is lower case and of the algorithm's length.
struct Digest {
  std::string algorithm;
  std::string hex;

  static Expected<Digest> parse(std::string_view algorithm, std::string_view hex);
  static Expected<Digest> parse(std::string_view text);  // "sha256:9f…" or "sha256=9f…"

  // sha512 > sha384 > sha256 > sha224 > sha1 > md5 (the order pip uses); 0 for unknown ones.
  int strength() const;
  // sha256 or better: fit to verify what is installed.
  bool is_strong() const;
  // urlsafe base64 without padding, as in RECORD.
  std::string base64() const;

  std::string to_string() const { return algorithm + ":" + hex; }
  friend auto operator<=>(const Digest&, const Digest&) = default;
};

}  // namespace moat
