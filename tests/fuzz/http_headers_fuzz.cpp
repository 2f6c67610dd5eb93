// What servers and proxies' variables may say: values within their bounds, whatever comes.
#include "fetch/http/auth.h"
#include "fetch/http/http_policy.h"
#include "fetch/http/retry.h"
#include "tests/fuzz/fuzz.h"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(moat::fuzz::text_of(data, size));
  if (const auto range = moat::parse_content_range(text)) {
    moat::fuzz::require(range->first <= range->last, "a range runs forwards");
    moat::fuzz::require(!range->total || range->last < *range->total, "and lies within its file");
  }
  constexpr std::int64_t kNow = 1'750'000'000;
  if (const auto delay = moat::parse_retry_after(text, kNow))
    moat::fuzz::require(delay->count() >= 0, "nobody waits backwards");
  for (const char* name : {"cache-control", "expires", "age", "vary"}) {
    const moat::CacheRules rules = moat::cache_rules({{name, text}, {"date", text}}, kNow);
    moat::fuzz::require(rules.lifetime >= 0 && rules.lifetime <= 366LL * 24 * 3600, "at most a year");
  }
  static const moat::Url url = moat::Url::parse("https://user@[::1]:8443/simple/").value();
  moat::bypasses_proxy(url, text);
  moat::is_trusted(url, {text});
  moat::fuzz::require(moat::decode_userinfo(text).find(':') != std::string::npos, "user and password");
  moat::parse_keyring_answer(text);
  try {
    const moat::Url target = moat::follow_redirect(url, text, {});
    moat::fuzz::require(target.scheme() == "https", "never from https to less");
    moat::fuzz::require(moat::same_origin(url, target) || target.userinfo() != "user",
                        "credentials stay at home");
  } catch (const moat::Error& error) {
    moat::fuzz::require(error.kind() == moat::ErrorKind::Network, "a refusal");
  }
  return 0;
}
