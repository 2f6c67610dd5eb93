// Base64 (RFC 4648). One text for one value: what is read is refused unless it is what would be written.
#pragma once

#include "resolver/base/error.h"

#include <string>
#include <string_view>

namespace moat {

// With `+` and `/`, padded: headers, JSON.
std::string to_base64(std::string_view bytes);
// Fails for "" too, since nothing that is read is empty.
Expected<std::string> from_base64(std::string_view text);

// With `-` and `_`, not padded: RECORD.
std::string to_base64url(std::string_view bytes);
Expected<std::string> from_base64url(std::string_view text);

// Of digests, which are written in either.
std::string to_hex(std::string_view bytes);
// REQUIRES: pairs of hex digits in lower case.
std::string from_hex(std::string_view hex);

}  // namespace moat
