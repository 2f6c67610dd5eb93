#include "resolver/files/source_url.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto source = SourceUrl::parse(fuzz::text_of(data, size));
  if (!source) return 0;
  fuzz::require(("/" + source->subdirectory + "/").find("/../") == std::string::npos,
                "a subdirectory stays in its tree");
  fuzz::require(source->revision.empty() || source->revision.front() != '-', "a revision is no option");
  if (source->kind == SourceKind::Git) {
    const auto again = SourceUrl::parse(pinned_text(*source));
    fuzz::require(again && again->url == source->url && again->revision == source->revision,
                  "what is pinned reads as the same revision of the same repository");
  }
  return 0;
}
