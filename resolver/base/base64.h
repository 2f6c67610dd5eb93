// Base64 (RFC 4648), strict: decoding refuses every text that encoding would not have written.
#pragma once

#include "resolver/base/error.h"

#include <string>
#include <string_view>

namespace moat {

// With `+` and `/`, padded: headers, JSON.
std::string to_base64(std::string_view bytes);
// Fails for "" too: no caller expects an empty value.
Expected<std::string> from_base64(std::string_view text);

// With `-` and `_`, not padded: RECORD.
std::string to_base64url(std::string_view bytes);
Expected<std::string> from_base64url(std::string_view text);

// Used for digests, which may be written in hex or base64.
std::string to_hex(std::string_view bytes);
// REQUIRES: pairs of hex digits in lower case.
std::string from_hex(std::string_view hex);

}  // namespace moat
