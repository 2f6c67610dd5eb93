#include "fetch/http/http_cache.h"

#include "fetch/bytes/hasher.h"
#include "fetch/http/http_policy.h"
#include "fetch/os/file.h"
#include "tests/support/loopback_server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <latch>
#include <new>
#include <stdexcept>
#include <string>

namespace moat {
namespace {

using ::testing::HasSubstr;
using testing::LoopbackResource;
using testing::LoopbackServer;

class HttpCacheTest : public ::testing::Test {
 protected:
  static HttpOptions quick() {
    HttpOptions options;
    options.retry.attempts = 1;
    return options;
  }
  HttpCacheOptions options() {
    HttpCacheOptions result;
    result.now = [this] { return now_.load(); };
    return result;
  }
  void serve(std::string body, std::string cache_control, std::string etag = "") {
    LoopbackResource page;
    page.body = std::move(body);
    page.content_type = "text/page";
    page.cache_control = std::move(cache_control);
    page.etag = std::move(etag);
    server_.serve("/p", page);
  }
  HttpCache::Result result_of(HttpCache& cache, CacheRequest request = {}) {
    request.url = server_.url("/p");
    std::promise<HttpCache::Result> promise;
    cache.fetch(request, [&](HttpCache::Result result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  CachedPage get(HttpCache& cache, CacheRequest request = {}) {
    HttpCache::Result result = result_of(cache, std::move(request));
    if (const Error* error = std::get_if<Error>(&result)) {
      ADD_FAILURE() << error->what();
      return {};
    }
    return std::get<CachedPage>(std::move(result));
  }
  CachedPage get() { return get(cache_); }
  std::size_t asked() const { return server_.count("/p"); }
  std::vector<fs::path> files(const std::string& ending) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(temp_.path()))
      if (entry.is_regular_file() && (entry.path().extension() == ".head") == (ending == "head"))
        found.push_back(entry.path());
    return found;
  }

  std::atomic<std::int64_t> now_ = 1'700'000'000;
  TempDir temp_{::testing::TempDir(), "cache-test"};
  LoopbackServer server_;
  Workers workers_{2};
  HttpClient client_{quick()};
  HttpCache cache_{temp_.path() / "index", client_, workers_, options()};
};

TEST_F(HttpCacheTest, FreshPagesAskNobody) {
  serve("one", "public, max-age=600", "\"1\"");
  const CachedPage first = get();
  EXPECT_EQ(first.body, "one");
  EXPECT_FALSE(first.from_cache);
  EXPECT_EQ(first.validator, hash_bytes("one").to_string());
  now_ += 599;
  const CachedPage second = get();
  EXPECT_TRUE(second.from_cache);
  EXPECT_EQ(second.body, "one");
  EXPECT_EQ(second.content_type, "text/page");
  EXPECT_EQ(second.final_url, server_.url("/p"));
  EXPECT_EQ(second.validator, first.validator);
  EXPECT_EQ(asked(), 1U);
}

TEST_F(HttpCacheTest, StalePagesAreConfirmedByTag) {
  serve("one", "max-age=600", "\"1\"");
  get();
  now_ += 600;
  const CachedPage confirmed = get();
  EXPECT_TRUE(confirmed.from_cache);
  EXPECT_EQ(confirmed.body, "one");
  EXPECT_EQ(server_.requests("/p").at(1).header("if-none-match"), "\"1\"");
  now_ += 599;
  get();
  EXPECT_EQ(asked(), 2U);  // the 304 made it fresh again
}

TEST_F(HttpCacheTest, ChangedPagesReplaceTheOld) {
  serve("one", "", "\"1\"");
  get();
  serve("two", "", "\"2\"");
  const CachedPage page = get();
  EXPECT_EQ(page.body, "two");
  EXPECT_FALSE(page.from_cache);
  EXPECT_EQ(files("body").size(), 1U);
}

TEST_F(HttpCacheTest, DatesConfirmToo) {
  LoopbackResource page;
  page.body = "dated";
  page.last_modified = "Sun, 06 Nov 1994 08:49:37 GMT";
  server_.serve("/p", page);
  get();
  EXPECT_TRUE(get().from_cache);
  EXPECT_EQ(server_.requests("/p").at(1).header("if-modified-since"), page.last_modified);
}

TEST_F(HttpCacheTest, RefreshAsksAlthoughFresh) {
  serve("one", "max-age=600", "\"1\"");
  get();
  CacheRequest request;
  request.refresh = true;
  EXPECT_TRUE(get(cache_, request).from_cache);
  HttpCacheOptions all = options();
  all.refresh = true;
  HttpCache refreshing(temp_.path() / "index", client_, workers_, all);
  get(refreshing);
  EXPECT_EQ(asked(), 3U);
}

TEST_F(HttpCacheTest, NoStoreIsObeyed) {
  serve("secret", "no-store, max-age=600", "\"1\"");
  get();
  EXPECT_FALSE(get().from_cache);
  EXPECT_TRUE(files("head").empty());
  EXPECT_TRUE(files("body").empty());
}

TEST_F(HttpCacheTest, TheKeyHoldsTheAcceptHeader) {
  serve("one", "max-age=600");
  get();
  CacheRequest request;
  request.accept = "text/other";
  EXPECT_FALSE(get(cache_, request).from_cache);
  EXPECT_EQ(server_.requests("/p").at(1).header("accept"), "text/other");
}

TEST_F(HttpCacheTest, MissingIsRememberedForAMinute) {
  EXPECT_EQ(get().status, 404);
  now_ += 59;
  EXPECT_EQ(get().status, 404);
  EXPECT_EQ(asked(), 1U);
  now_ += 1;
  serve("now it is there", "");
  EXPECT_EQ(get().body, "now it is there");
}

TEST_F(HttpCacheTest, OtherStatusesPassThroughUnstored) {
  serve("one", "", "\"1\"");
  get();
  server_.route("/p", [](const testing::LoopbackRequest&) {
    testing::LoopbackReply reply;
    reply.status = 403;
    return reply;
  });
  EXPECT_EQ(get().status, 403);
  serve("one", "", "\"1\"");
  EXPECT_TRUE(get().from_cache);
}

TEST_F(HttpCacheTest, OfflineServesWhatIsStoredHoweverOld) {
  serve("one", "max-age=1", "\"1\"");
  get();
  now_ += 1'000'000;
  HttpCacheOptions offline = options();
  offline.offline = true;
  HttpCache cache(temp_.path() / "index", client_, workers_, offline);
  EXPECT_EQ(get(cache).body, "one");
  EXPECT_EQ(asked(), 1U);
  CacheRequest request;
  request.accept = "other";
  const HttpCache::Result result = result_of(cache, request);
  ASSERT_TRUE(std::holds_alternative<Error>(result));
  EXPECT_EQ(std::get<Error>(result).kind(), ErrorKind::Offline);
}

TEST_F(HttpCacheTest, ADigestedPageNeedsNoBody) {
  serve("one", "max-age=600", "\"1\"");
  const std::string validator = get().validator;
  CacheRequest request;
  request.has_digested = [&](std::string_view asked_for) { return asked_for == validator; };
  for (const int wait : {0, 601}) {  // fresh, and confirmed
    now_ += wait;
    const CachedPage page = get(cache_, request);
    EXPECT_TRUE(page.body_skipped);
    EXPECT_EQ(page.body, "");
    EXPECT_EQ(page.validator, validator);
  }
}

TEST_F(HttpCacheTest, DamagedEntriesAreAbsent) {
  serve("one", "max-age=600", "\"1\"");
  for (const char* part : {"head", "body"}) {
    for (const char* damage : {"", "onx", "one and more"}) {
      get();
      const auto found = files(part);
      ASSERT_EQ(found.size(), 1U);
      write_file_atomically(found.front(), damage);
      const CachedPage page = get();
      EXPECT_EQ(page.body, "one") << part << " " << damage;
      EXPECT_FALSE(page.from_cache);
    }
    get();
    fs::remove(files(part).front());
    EXPECT_FALSE(get().from_cache);
  }
}

TEST_F(HttpCacheTest, DamageFoundAfterConfirmationIsFetchedAnew) {
  serve("one", "", "\"1\"");
  get();
  write_file_atomically(files("body").front(), "onx");  // the size is right, so the server is asked by tag
  const CachedPage page = get();
  EXPECT_EQ(page.body, "one");
  EXPECT_FALSE(page.from_cache);
  EXPECT_EQ(asked(), 3U);
}

TEST_F(HttpCacheTest, ACacheThatCannotBeWrittenIsNoError) {
  write_file_atomically(temp_.path() / "file", "");
  HttpCache cache(temp_.path() / "file" / "below", client_, workers_, options());
  serve("one", "max-age=600");
  EXPECT_EQ(get(cache).body, "one");
  EXPECT_EQ(get(cache).body, "one");
  EXPECT_EQ(asked(), 2U);
}

TEST_F(HttpCacheTest, ErrorsArePassedOn) {
  server_.route("/p", [](const testing::LoopbackRequest&) {
    testing::LoopbackReply reply;
    reply.body = "12345";
    reply.cut_after = 2;
    return reply;
  });
  EXPECT_TRUE(std::holds_alternative<Error>(result_of(cache_)));
  EXPECT_TRUE(files("head").empty());
}

TEST(HttpCacheEnd, NoCallbackAfterDestruction) {
  std::latch begun(1);
  std::latch held(1);
  const TempDir temp(::testing::TempDir(), "cache-test");
  LoopbackServer server;
  server.route("/p", [&](const testing::LoopbackRequest&) {
    begun.count_down();
    held.wait();
    return testing::LoopbackReply{};
  });
  Workers workers(1);
  HttpClient client({});
  {
    HttpCache cache(temp.path(), client, workers);
    CacheRequest request;
    request.url = server.url("/p");
    cache.fetch(request, [](const HttpCache::Result&) { FAIL() << "called"; });
    begun.wait();
  }
  held.count_down();
}

// On the pool nobody else would hear of it, and the asker would wait for ever.
TEST_F(HttpCacheTest, AnyExceptionIsAnAnswer) {
  serve("one", "max-age=600", "\"1\"");
  get();
  CacheRequest request;
  request.has_digested = [](std::string_view) -> bool { throw std::bad_alloc(); };
  const HttpCache::Result result = result_of(cache_, request);
  ASSERT_TRUE(std::holds_alternative<Error>(result));
  EXPECT_STREQ(std::get<Error>(result).what(), "out of memory");
  EXPECT_EQ(std::get<Error>(result).kind(), ErrorKind::Disk);
  request.has_digested = [](std::string_view) -> bool { throw std::runtime_error("odd"); };
  const HttpCache::Result odd = result_of(cache_, request);
  ASSERT_TRUE(std::holds_alternative<Error>(odd));
  EXPECT_THAT(std::get<Error>(odd).what(), HasSubstr(": odd"));
}

TEST(CacheRules, FollowTheHeaders) {
  struct Case {
    HttpHeaders headers;
    bool may_store;
    std::int64_t lifetime;
  };
  const std::int64_t now = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
  const Case cases[] = {
      {{}, true, 0},
      {{{"cache-control", "max-age=600, public"}}, true, 600},
      {{{"cache-control", "MAX-AGE=\"600\""}}, true, 600},
      {{{"cache-control", "max-age=600"}, {"age", "100"}}, true, 500},
      {{{"cache-control", "max-age=600"}, {"age", "1000"}}, true, 0},
      {{{"cache-control", "max-age=600, no-cache"}}, true, 0},
      {{{"cache-control", "max-age=600"}, {"cache-control", "no-store"}}, false, 600},
      {{{"cache-control", "max-age=99999999999999999999"}}, true, 0},
      {{{"cache-control", "max-age=9999999999"}}, true, 31536000},
      {{{"cache-control", "immutable"}}, true, 31536000},
      {{{"expires", "Sun, 06 Nov 1994 08:59:37 GMT"}}, true, 600},
      {{{"expires", "Sun, 06 Nov 1994 08:59:37 GMT"}, {"date", "Sun, 06 Nov 1994 08:59:00 GMT"}}, true, 37},
      {{{"expires", "0"}}, true, 0},
      {{{"cache-control", "max-age=5"}, {"expires", "Sun, 06 Nov 1994 08:59:37 GMT"}}, true, 5},
      {{{"vary", "Accept, Accept-Encoding"}}, true, 0},
      {{{"vary", "*"}}, false, 0},
  };
  for (const Case& c : cases) {
    const CacheRules rules = cache_rules(c.headers, now);
    EXPECT_EQ(rules.may_store, c.may_store) << ::testing::PrintToString(c.headers);
    EXPECT_EQ(rules.lifetime, c.lifetime) << ::testing::PrintToString(c.headers);
  }
}

}  // namespace
}  // namespace moat
