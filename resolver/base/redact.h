// Removes credentials from texts that are kept or shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Every `scheme://user:secret@host` in the text becomes `scheme://****@host`.
std::string hide_credentials(std::string_view text);
std::vector<std::string> hide_credentials(std::vector<std::string> texts);

}  // namespace moat
