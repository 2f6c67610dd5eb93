#include "envs/launcher/image.h"

// MOAT_LAUNCHER_FILE, MOAT_HOME_FILE, MOAT_SEAL_FILE and MOAT_WATCH_FILE are the built programs, given by
// CMake.
#define MOAT_CARRY(name, file)        \
  __asm__(                            \
      ".pushsection .rodata\n"        \
      ".balign 16\n"                  \
      ".global " name "_begin\n" name \
      "_begin:\n"                     \
      ".incbin \"" file               \
      "\"\n"                          \
      ".global " name "_end\n" name   \
      "_end:\n"                       \
      ".popsection\n")

MOAT_CARRY("moat_launcher", MOAT_LAUNCHER_FILE);
MOAT_CARRY("moat_home", MOAT_HOME_FILE);
MOAT_CARRY("moat_seal", MOAT_SEAL_FILE);
MOAT_CARRY("moat_watch", MOAT_WATCH_FILE);

// NOLINTBEGIN(modernize-avoid-c-arrays, readability-identifier-naming): symbols of the assembler
extern "C" const char moat_launcher_begin[];
extern "C" const char moat_launcher_end[];
extern "C" const char moat_home_begin[];
extern "C" const char moat_home_end[];
extern "C" const char moat_seal_begin[];
extern "C" const char moat_seal_end[];
extern "C" const char moat_watch_begin[];
extern "C" const char moat_watch_end[];
// NOLINTEND(modernize-avoid-c-arrays, readability-identifier-naming)

namespace moat {

std::string_view launcher_image() {
  return {moat_launcher_begin, static_cast<std::size_t>(moat_launcher_end - moat_launcher_begin)};
}

std::string_view home_library_image() {
  return {moat_home_begin, static_cast<std::size_t>(moat_home_end - moat_home_begin)};
}

std::string_view seal_image() {
  return {moat_seal_begin, static_cast<std::size_t>(moat_seal_end - moat_seal_begin)};
}

std::string_view watch_image() {
  return {moat_watch_begin, static_cast<std::size_t>(moat_watch_end - moat_watch_begin)};
}

}  // namespace moat
