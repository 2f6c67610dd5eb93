// Programs as bytes, carried inside moat.
#pragma once

#include <string_view>

namespace moat {

// bin/python of every environment.
std::string_view launcher_image();
// lib/libmoat-home.so of a runtime whose interpreter is executed (launcher/home.h).
std::string_view home_library_image();
// Runs a command without network.
std::string_view seal_image();
// Runs a command with some places hidden, and records the files it opens.
std::string_view watch_image();

}  // namespace moat
