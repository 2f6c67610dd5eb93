#include "fetch/http/page_head.h"

#include "fetch/bytes/hasher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::int64_t kNow = 1'700'000'000;

HttpResponse response(int status, HttpHeaders headers) {
  HttpResponse out;
  out.status = status;
  out.final_url = Url::parse("https://one.example/simple/foo/").value();
  out.headers = std::move(headers);
  return out;
}

PageHead head(int status = 200, HttpHeaders headers = {{"content-type", "text/page"},
                                                       {"etag", "\"1\""},
                                                       {"last-modified", "yesterday"},
                                                       {"cache-control", "max-age=600"}}) {
  return head_of(response(status, std::move(headers)), 3, hash_bytes("one"), kNow);
}

TEST(PageHead, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_page_head(to_text(head())), head());
  EXPECT_EQ(parse_page_head(to_text(head(404))), head(404));
  EXPECT_EQ(parse_page_head(to_text(head(200, {}))), head(200, {}));
}

TEST(PageHead, DamagedCountsAsAbsent) {
  const std::string whole = to_text(head());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(parse_page_head(std::string_view(whole).substr(0, size)), std::nullopt) << size;
  const auto with = [&](std::string_view line, std::string_view instead) {
    std::string text = whole;
    return text.replace(text.find(line), line.size(), instead);
  };
  for (const auto& [line, instead] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"moat-page 1", "moat-page 2"},
                                                                  {"status 200", "status 500"},
                                                                  {"status 200", "status x"},
                                                                  {"lifetime 600", "lifetime -1"},
                                                                  {"size 3", "length 3"},
                                                                  {"sha256 ", "sha256 x"}})
    EXPECT_EQ(parse_page_head(with(line, instead)), std::nullopt) << instead;
}

TEST(PageHead, IsFreshForItsLifetime) {
  EXPECT_TRUE(is_fresh(head(), kNow));
  EXPECT_TRUE(is_fresh(head(), kNow + 599));
  EXPECT_FALSE(is_fresh(head(), kNow + 600));
  EXPECT_FALSE(is_fresh(head(), kNow - 1));  // a clock that was wrong
  EXPECT_FALSE(is_fresh(head(200, {}), kNow));
  PageHead forged = head();
  forged.lifetime = std::int64_t{1} << 40U;
  EXPECT_FALSE(is_fresh(forged, kNow + 366LL * 24 * 3600));
}

TEST(PageHead, WhatIsMissingIsRememberedForAMinute) {
  for (const int status : {404, 410}) {
    const PageHead missing = head(status);
    EXPECT_EQ(missing.size, 0U);
    EXPECT_TRUE(is_fresh(missing, kNow + 59));
    EXPECT_FALSE(is_fresh(missing, kNow + 60));
    EXPECT_THAT(conditions(missing), IsEmpty());
  }
}

TEST(PageHead, AsksByWhatTheServerGave) {
  EXPECT_THAT(conditions(head()),
              ElementsAre(Pair("If-None-Match", "\"1\""), Pair("If-Modified-Since", "yesterday")));
  EXPECT_THAT(conditions(head(200, {{"etag", "\"1\""}})), ElementsAre(Pair("If-None-Match", "\"1\"")));
  EXPECT_THAT(conditions(head(200, {})), IsEmpty());
}

TEST(PageHead, LivesAgainWhenItIsConfirmed) {
  const PageHead same = confirmed(head(), response(304, {}), kNow + 1000);
  EXPECT_EQ(same.stored, kNow + 1000);
  EXPECT_EQ(same.lifetime, 600);  // as before where the answer says nothing
  EXPECT_EQ(same.etag, "\"1\"");
  EXPECT_EQ(same.sha256, head().sha256);
  const PageHead other =
      confirmed(head(), response(304, {{"cache-control", "max-age=5"}, {"etag", "\"2\""}}), kNow + 1000);
  EXPECT_EQ(other.lifetime, 5);
  EXPECT_EQ(other.etag, "\"2\"");
}

}  // namespace
}  // namespace moat
