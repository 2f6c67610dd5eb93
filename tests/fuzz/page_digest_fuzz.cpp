#include "fetch/index/page_digest.h"
#include "tests/fuzz/fuzz.h"

// The cache may hold anything.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto page = read_page_digest(fuzz::text_of(data, size), PackageName::parse("foo").value(), "v");
  if (!page) return 0;
  for (const auto& release : page->releases)
    for (const ReleaseFile& file : release->files)
      fuzz::require(!file.wheel || file.wheel->version == release->version, "a wheel lies with its version");
  return 0;
}
