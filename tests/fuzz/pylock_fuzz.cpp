// Any bytes as pylock.toml; what was read, written out, reads the same.
#include "resolver/lock/lockfile.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto lock = parse_pylock(fuzz::text_of(data, size), "pylock.toml");
  if (!lock) return 0;
  const std::string written = format_pylock(*lock);
  const auto again = parse_pylock(written, "pylock.toml");
  fuzz::require(again.has_value(), "what is written can be read");
  fuzz::require(format_pylock(*again) == written, "and is written the same again");
  return 0;
}
