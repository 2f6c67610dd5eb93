// Tags read back as they are written; a platform, where it is one, serves itself first of all.
#include "resolver/pep/tag.h"
#include "tests/fuzz/fuzz.h"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = moat::fuzz::text_of(data, size);
  if (const auto tags = moat::parse_tags(text)) {
    moat::fuzz::require(!tags->empty() && tags->size() <= 10'000, "some, and not too many");
    for (const moat::Tag& tag : *tags) {
      const auto again = moat::parse_tags(tag.to_string());
      moat::fuzz::require(again && again->size() == 1 && again->front() == tag,
                          "written out, it reads the same");
    }
  } else {
    moat::fuzz::require(tags.error().offset <= size, "errors lie within the text");
  }
  const auto platforms = moat::platforms_of(text);
  if (platforms && !platforms->empty())
    for (const std::string& platform : {platforms->front(), platforms->back()})
      moat::fuzz::require(moat::platforms_of(platform).has_value(), "what is served is a platform");
  return 0;
}
