// What copied interpreter files need of ELF: reading their facts, dropping symbols, changing their run path.
// Pure: bytes in, bytes out; both classes, both byte orders. No linker or patchelf is needed.
#pragma once

#include "resolver/base/error.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct ElfFacts {
  unsigned machine = 0;  // e_machine: 62 is x86-64
  bool is_64 = false;
  bool little_endian = true;
  unsigned flags = 0;               // e_flags; on 32-bit Arm 0x400 says hard float
  std::string loader;               // PT_INTERP, "/lib64/ld-linux-x86-64.so.2"; "" in libraries
  std::vector<std::string> needed;  // DT_NEEDED in order
  std::string run_path;             // DT_RUNPATH, else DT_RPATH, else ""
};

bool is_elf(std::string_view bytes);
// Fails on anything that is not a whole ELF file.
Expected<ElfFacts> read_elf(std::string_view bytes);
// The machine as platform tags say it: "x86_64", "i686", "aarch64", "armv7l", …; "" where unknown.
std::string elf_architecture(const ElfFacts& facts);

// Without symbols and debug information, as strip(1) does: sections that are not loaded go, the headers of
// the others stay, so that a linker still takes the file. Unchanged where it has no section headers.
std::string strip_elf(std::string_view bytes);

// Sets this run path as the only one, as DT_RPATH (which is searched before LD_LIBRARY_PATH, DT_RUNPATH
// after). Overwrites the old one if it fits and no other string shares its bytes; else uses a new read-only
// segment in place of a PT_NOTE. Fails if there is neither room nor a note to replace.
Expected<std::string> with_run_path(std::string_view bytes, std::string_view run_path);

}  // namespace moat
