// A URL reads back as it is written, joins to URLs only, and never shows its credentials.
#include "resolver/base/url.h"
#include "tests/fuzz/fuzz.h"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = moat::fuzz::text_of(data, size);
  const auto url = moat::Url::parse(text);
  if (!url) {
    moat::fuzz::require(url.error().offset <= size, "errors lie within the text");
  } else {
    const auto again = moat::Url::parse(url->to_string());
    moat::fuzz::require(again && *again == *url, "written out, it reads the same");
    moat::fuzz::require(url->without_credentials().userinfo().empty(), "credentials go");
    if (!url->userinfo().empty())
      moat::fuzz::require(url->display().starts_with(url->scheme() + "://****@"),
                          "credentials are not shown");
    moat::fuzz::require(!url->without_fragment().to_string().ends_with("#"), "fragments go");
    if (url->scheme() == "file")
      moat::fuzz::require(
          moat::percent_decode(moat::percent_encode_path(url->file_path())) == url->file_path(),
          "a path survives its encoding");
  }
  static const moat::Url base = moat::Url::parse("https://user:pw@host.example:8443/simple/foo/?a#b").value();
  if (const auto joined = base.join(text))
    moat::fuzz::require(moat::Url::parse(joined->to_string()).has_value(), "what is joined is a URL");
  return 0;
}
