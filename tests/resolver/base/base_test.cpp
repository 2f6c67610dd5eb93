#include "resolver/base/text.h"
#include "resolver/base/url.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

Url url(std::string_view text) { return Url::parse(text).value(); }

TEST(Url, JoinsAsRfc3986Section54Says) {
  const Url base = url("http://a/b/c/d;p?q");
  const std::pair<const char*, const char*> cases[] = {{"g:h", "g:h"},
                                                       {"g", "http://a/b/c/g"},
                                                       {"./g", "http://a/b/c/g"},
                                                       {"g/", "http://a/b/c/g/"},
                                                       {"/g", "http://a/g"},
                                                       {"//g", "http://g"},
                                                       {"?y", "http://a/b/c/d;p?y"},
                                                       {"g?y", "http://a/b/c/g?y"},
                                                       {"#s", "http://a/b/c/d;p?q#s"},
                                                       {"", "http://a/b/c/d;p?q"},
                                                       {".", "http://a/b/c/"},
                                                       {"..", "http://a/b/"},
                                                       {"../g", "http://a/b/g"},
                                                       {"../../g", "http://a/g"},
                                                       {"../../../g", "http://a/g"},
                                                       {"/./g", "http://a/g"},
                                                       {"g;x=1/../y", "http://a/b/c/y"}};
  for (const auto& [reference, want] : cases) EXPECT_EQ(base.join(reference)->to_string(), want) << reference;
}

TEST(Url, RefusesASpaceWhereverItStands) {
  const std::string good = "https://host/a%20b/\xc3\xa9/~x-1_2.3+4";
  ASSERT_TRUE(Url::parse(good));
  for (std::size_t at = 0; at <= good.size(); ++at)
    for (const char bad : {'\0', '\t', '\n', '\x1f', ' ', '\x7f'}) {
      const auto parsed = Url::parse(std::string(good).insert(at, 1, bad));
      ASSERT_FALSE(parsed) << at;
      EXPECT_EQ(parsed.error().offset, at);
    }
}

TEST(Url, NeverShowsCredentials) {
  const Url secret = url("https://user:p@ss@Host.Example:8443/simple/?a=b#sha256=00");
  EXPECT_EQ(secret.userinfo(), "user:p@ss");
  EXPECT_EQ(secret.host(), "host.example");
  EXPECT_EQ(secret.origin(), "https://host.example:8443");
  EXPECT_EQ(secret.display(), "https://****@host.example:8443/simple/?a=b#sha256=00");
}

TEST(Url, DecodesTheFileNameOnce) {
  EXPECT_EQ(url("https://h/x/a%252Fb-1.0%2Bcu1.whl?sig=1").last_segment(), "a%2Fb-1.0+cu1.whl");
}

TEST(Url, PathsSurviveTheRoundTrip) {
  const std::string path = "/tmp/with space/#hash/%41/ä";
  EXPECT_EQ(url(Url::from_path(path).to_string()).file_path(), path);
}

TEST(Text, QuoteShowsControlCharactersAndShortens) {
  EXPECT_EQ(quote("a\x1b[31m"), "`a\\x1b[31m`");
  EXPECT_LT(quote(std::string(10'000, 'x')).size(), 300U);
}

}  // namespace
}  // namespace moat
