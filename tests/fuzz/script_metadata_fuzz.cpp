// Any bytes as a script: its block is read, or refused; what does not look like a block has none.
#include "resolver/files/script_metadata.h"
#include "tests/fuzz/fuzz.h"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view text = fuzz::text_of(data, size);
  const auto script = parse_script_metadata(text);
  if (!script || !*script) return 0;
  fuzz::require(text.find("# /// script") != std::string_view::npos, "there is a block");
  for (const ProjectLine& line : (*script)->dependencies)
    fuzz::require(line.line > 1 && line.line <= size, "requirements stand below the mark");
  const auto again = parse_script_metadata(std::string(text) + "\n\n# /// script\n# a = 1\n# ///\n");
  fuzz::require(!again, "a second block is refused");
  return 0;
}
