#include "resolver/files/static_metadata.h"
#include "resolver/pep/metadata.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string text(fuzz::text_of(data, size));
  for (const SourceFiles& files : {SourceFiles{text, {}}, SourceFiles{{}, text}}) {
    static_name(files);
    if (const auto metadata = static_metadata(files))
      fuzz::require(CoreMetadata::parse(*metadata).has_value(), "what is promised can be read");
  }
  return 0;
}
