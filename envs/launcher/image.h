// Programs as bytes, carried inside moat.
#pragma once

#include <string_view>

namespace moat {

// bin/python of every environment.
std::string_view launcher_image();
// Runs a command without network.
std::string_view seal_image();

}  // namespace moat
