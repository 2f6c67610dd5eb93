#include "fetch/http/http_policy.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

Url url(std::string_view text) { return Url::parse(text).value(); }

TEST(HttpPolicy, RedirectsFollowTheirRules) {
  struct Case {
    const char* from;
    const char* location;
    const char* to;  // nullptr: refused
  };
  const Case cases[] = {
      {"https://a/x/y", "z", "https://a/x/z"},
      {"https://a/x/y", "/z?q=1", "https://a/z?q=1"},
      {"https://a/x y", " /with space ", nullptr},  // from does not parse; see below
      {"https://a/x#sha256=1", "/z", "https://a/z#sha256=1"},
      {"https://a/x#sha256=1", "/z#other", "https://a/z#other"},
      {"https://u:p@a/x", "/z", "https://u:p@a/z"},
      {"https://u:p@a/x", "https://a:443/z", "https://u:p@a:443/z"},
      {"https://u:p@a/x", "https://b/z", "https://b/z"},
      {"https://u:p@a/x", "https://a:8443/z", "https://a:8443/z"},
      {"https://u:p@a/x", "https://v:w@b/z", "https://v:w@b/z"},
      {"http://a/x", "https://a/x", "https://a/x"},
      {"https://a/x", "http://a/x", nullptr},
      {"https://a/x", "http://trusted/x", "http://trusted/x"},
      {"http://a/x", "file:///etc/passwd", nullptr},
      {"http://a/x", "http://", nullptr},
      {"http://a/x", "/raw space", "http://a/raw%20space"},
  };
  for (const Case& c : cases) {
    const auto from = Url::parse(c.from);
    if (!from) continue;
    if (c.to == nullptr)
      EXPECT_THROW(follow_redirect(*from, c.location, {"trusted"}), Error) << c.from << " → " << c.location;
    else
      EXPECT_EQ(follow_redirect(*from, c.location, {"trusted"}).to_string(), c.to)
          << c.from << " → " << c.location;
  }
}

TEST(HttpPolicy, NoProxyCovers) {
  struct Case {
    const char* url;
    const char* no_proxy;
    bool bypasses;
  };
  const Case cases[] = {
      {"https://a.example/", "", false},
      {"https://a.example/", "*", true},
      {"https://a.example/", "example", true},
      {"https://a.example/", ".example", true},
      {"https://example/", ".example", true},
      {"https://anexample/", "example", false},
      {"https://a.example/", "b.example, A.EXAMPLE", true},
      {"https://a.example/", "b.example A.EXAMPLE", true},
      {"https://a.example/", "a.example:443", true},
      {"https://a.example:8443/", "a.example:443", false},
      {"http://10.1.2.3/", "10.0.0.0/8", true},
      {"http://11.1.2.3/", "10.0.0.0/8", false},
      {"http://11.1.2.3/", "0.0.0.0/0", true},
      {"http://10.1.2.3/", "2.3", false},
      {"http://10.1.2.3/", "10.0.0.0/40", false},
      {"http://[::1]:80/", "::1", true},
      {"http://[::1]:80/", "[::1]:80", true},
      {"http://[::1]:81/", "[::1]:80", false},
  };
  for (const Case& c : cases)
    EXPECT_EQ(bypasses_proxy(url(c.url), c.no_proxy), c.bypasses) << c.url << " " << c.no_proxy;
}

TEST(HttpPolicy, TrustsByHostOrHostAndPort) {
  EXPECT_TRUE(is_trusted(url("https://a/"), {"b", "A"}));
  EXPECT_TRUE(is_trusted(url("https://a/"), {"a:443"}));
  EXPECT_FALSE(is_trusted(url("https://a:444/"), {"a:443"}));
  EXPECT_FALSE(is_trusted(url("https://x.a/"), {"a"}));
  EXPECT_TRUE(is_trusted(url("https://[::1]:5/"), {"::1"}));
}

TEST(HttpPolicy, KnowsWhatNobodyOnTheWayCanChange) {
  for (const char* url :
       {"https://a/", "file:///x", "http://localhost:8080/", "http://x.localhost/", "http://127.0.0.1/",
        "http://127.1.2.3:3141/", "http://[::1]:80/", "http://trusted/"})
    EXPECT_TRUE(is_protected(Url::parse(url).value(), {"trusted"})) << url;
  for (const char* url : {"http://a/", "http://128.0.0.1/", "http://localhost.example/",
                          "http://trusted.example/", "http://127.0.0.1.example/"})
    EXPECT_FALSE(is_protected(Url::parse(url).value(), {"trusted"})) << url;
}

TEST(HttpPolicy, ReadsContentRange) {
  const auto range = parse_content_range("bytes 10-19/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 10U);
  EXPECT_EQ(range->last, 19U);
  EXPECT_EQ(range->total, 100U);
  EXPECT_EQ(parse_content_range("Bytes 0-0/*").value().total, std::nullopt);
  for (const char* bad : {"", "bytes", "bytes */10", "bytes 5-4/10", "bytes 0-10/10", "items 0-1/2",
                          "bytes -1/2", "bytes 0-99999999999999999999/*", "bytes 1/2-3"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

TEST(HttpPolicy, DecodesUserinfoByParts) {
  EXPECT_EQ(decode_userinfo("token"), "token:");
  EXPECT_EQ(decode_userinfo("a%40b:c%3Ad:e"), "a@b:c:d:e");
}

}  // namespace
}  // namespace moat
