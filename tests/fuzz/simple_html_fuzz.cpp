#include "fetch/index/simple_api_html.h"
#include "tests/fuzz/simple_page_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const Url base = Url::parse("https://index.example/simple/foo/").value();
  const std::string_view body = fuzz::text_of(data, size);
  for (const char* type : {"text/html", "text/html; charset=shift_jis"})
    if (const auto page = parse_simple_html(std::string(body), base, type)) fuzz::check_page(*page);
  return 0;
}
