#include "resolver/pep/record.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  auto entries = parse_record(fuzz::text_of(data, size));
  if (!entries) {
    fuzz::require(entries.error().offset <= size, "an error lies within the text");
    return 0;
  }
  const std::string text = format_record(*entries);
  const auto again = parse_record(text);
  fuzz::require(again && again->size() == entries->size(), "what is written is read back");
  fuzz::require(std::is_permutation(again->begin(), again->end(), entries->begin(), entries->end()),
                "row by row");
  return 0;
}
