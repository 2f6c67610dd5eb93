#include "fetch/store/store_manifest.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto wheel = parse_wheel_manifest(fuzz::text_of(data, size));
  if (!wheel) return 0;
  const std::string written = format_wheel_manifest(*wheel);
  const auto again = parse_wheel_manifest(written);
  fuzz::require(again && format_wheel_manifest(*again) == written, "what is written is read back");
  fuzz::require(again->faults == wheel->faults, "faults are kept");
  return 0;
}
