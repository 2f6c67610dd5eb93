#include "envs/launcher/image.h"

// MOAT_LAUNCHER_FILE is the built program, given by CMake.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".global moat_launcher_begin\n"
    "moat_launcher_begin:\n"
    ".incbin \"" MOAT_LAUNCHER_FILE
    "\"\n"
    ".global moat_launcher_end\n"
    "moat_launcher_end:\n"
    ".popsection\n");

extern "C" const char moat_launcher_begin[];  // NOLINT(modernize-avoid-c-arrays): symbols of the assembler
extern "C" const char moat_launcher_end[];    // NOLINT(modernize-avoid-c-arrays)

namespace moat {

std::string_view launcher_image() {
  return {moat_launcher_begin, static_cast<std::size_t>(moat_launcher_end - moat_launcher_begin)};
}

}  // namespace moat
