// Bytes that claim to be ELF: read, stripped, given a run path, or refused; what comes out is read again.
#include "envs/python/elf.h"
#include "tests/fuzz/fuzz.h"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = moat::fuzz::text_of(data, size);
  const auto facts = moat::read_elf(bytes);
  if (!facts) return 0;
  moat::elf_architecture(*facts);
  moat::strip_elf(bytes);
  if (const auto changed = moat::with_run_path(bytes, "$ORIGIN/../lib"))
    moat::fuzz::require(moat::read_elf(*changed).has_value(), "what is changed is still ELF");
  return 0;
}
