#include "resolver/pep/requirement.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view text = fuzz::text_of(data, size);
  const auto requirement = Requirement::parse(text);
  const auto lenient = Requirement::parse_lenient(text);
  if (!requirement) {
    fuzz::require(requirement.error().offset <= size, "an error lies within the text");
    if (lenient)
      fuzz::require(Requirement::parse(lenient->requirement.to_string()).has_value(),
                    "what was mended is right");
    return 0;
  }
  fuzz::require(lenient && !lenient->mended && lenient->requirement == *requirement,
                "what is right is not mended");
  const auto again = Requirement::parse(requirement->to_string());
  fuzz::require(again && *again == *requirement, "the normal form reads as the requirement");
  return 0;
}
