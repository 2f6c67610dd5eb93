// Credentials out of texts that are kept or shown.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// Every `scheme://user:secret@host` in the text becomes `scheme://****@host`.
std::string hide_credentials(std::string_view text);

}  // namespace moat
