#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view text = fuzz::text_of(data, size);
  const MetadataFields fields = parse_metadata_fields(text);
  fuzz::require(text.ends_with(fields.body), "the body is the end of the file");
  const auto metadata = CoreMetadata::parse(text);
  if (!metadata) return 0;
  fuzz::require(fields.find("name").has_value() && fields.find("VERSION").has_value(),
                "required fields are there");
  fuzz::require(is_utf8(metadata->summary) && is_utf8(metadata->license) && is_utf8(metadata->author),
                "texts are UTF-8");
  return 0;
}
