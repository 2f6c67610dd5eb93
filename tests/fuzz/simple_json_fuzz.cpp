#include "tests/fuzz/simple_page_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const Url base = Url::parse("https://index.example/simple/foo/").value();
  if (const auto page = parse_simple_json(std::string(fuzz::text_of(data, size)), base))
    fuzz::check_page(*page);
  return 0;
}
