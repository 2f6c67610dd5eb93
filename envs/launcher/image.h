// The launcher as bytes, carried inside moat.
#pragma once

#include <string_view>

namespace moat {

std::string_view launcher_image();

}  // namespace moat
