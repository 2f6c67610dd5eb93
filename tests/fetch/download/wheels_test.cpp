#include "fetch/download/wheels.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/guarded.h"
#include "tests/support/loopback_server.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <map>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LoopbackReply;
using testing::LoopbackRequest;
using testing::LoopbackServer;
using testing::WheelBuilder;

class Listener : public Reporter {
 public:
  void warn(std::string_view message) override {
    warnings_.with([&](auto& warnings) { warnings.emplace_back(message); });
  }
  void progress(std::string_view, std::string_view item, std::uint64_t done, std::uint64_t) override {
    done_.with([&](auto& all) { all[std::string(item)] = done; });
  }
  std::vector<std::string> warnings() {
    return warnings_.with([](auto& warnings) { return warnings; });
  }
  void forget() {
    warnings_.with([](auto& warnings) { warnings.clear(); });
  }
  std::uint64_t done(const std::string& item) {
    return done_.with([&](auto& all) { return all[item]; });
  }

 private:
  Guarded<std::vector<std::string>> warnings_;
  Guarded<std::map<std::string, std::uint64_t>> done_;
};

class WheelsTest : public ::testing::Test {
 protected:
  TempDir folder_{fs::temp_directory_path(), "wheels-test"};
  // What handlers wait for; outlives the server and so its threads.
  std::latch told_{1};
  std::stop_source stop_;
  LoopbackServer server_;
  Store store_{folder_.path() / "store"};
  Workers workers_{3};
  Listener listener_;
  HttpClient http_{{.retry = {.attempts = 2, .first_delay = std::chrono::milliseconds(1)}}};
  HttpClient nowhere_{{.offline = true}};

  // An order for a wheel the server has; nothing is promised of it.
  WheelOrder served(const WheelBuilder& wheel) {
    server_.serve("/" + wheel.filename(), {.body = wheel.build()});
    WheelOrder order;
    order.artifact.filename = wheel.filename();
    order.artifact.url = server_.url("/" + wheel.filename());
    return order;
  }
  static WheelOrder promised(WheelOrder order, const WheelBuilder& wheel,
                             std::string_view algorithm = "sha256") {
    order.artifact.digests = {hash_bytes(wheel.build(), algorithm)};
    order.artifact.size = wheel.build().size();
    return order;
  }
  WheelOrder local(const WheelBuilder& wheel) {
    WheelOrder order;
    order.artifact.filename = wheel.filename();
    order.artifact.url = Url::from_path(wheel.write(folder_.path() / "dir with space").native());
    return order;
  }

  std::vector<StoredWheel> obtain(const std::vector<WheelOrder>& orders, bool offline = false) {
    return obtain_wheels(orders, offline ? nowhere_ : http_, store_, workers_, listener_);
  }
  // The error, which must be of this kind.
  std::string failure(const std::vector<WheelOrder>& orders, ErrorKind kind, bool offline = false) {
    try {
      obtain(orders, offline);
    } catch (const Error& error) {
      EXPECT_EQ(to_string(error.kind()), to_string(kind)) << error.what();
      return error.what();
    }
    return "";
  }
};

WheelBuilder wheel(const std::string& name, std::size_t size = 1000) {
  return WheelBuilder(name, "1.0").file(name + ".py", std::string(size, '#')).stored();
}

TEST_F(WheelsTest, DownloadsAndStoresInTheOrderGiven) {
  const WheelBuilder small = wheel("small"), big = wheel("big", 3'000'000);
  const auto stored = obtain({promised(served(small), small), promised(served(big), big)});
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].filename, "small-1.0-py3-none-any.whl");
  EXPECT_EQ(read_file(stored[1].tree / "big.py"), std::string(3'000'000, '#'));
  EXPECT_EQ(stored[1].digest, hash_bytes(big.build()));
  EXPECT_EQ(listener_.done(big.filename()), big.build().size());
  EXPECT_TRUE(fs::is_empty(store_.layout().tmp()));
}

TEST_F(WheelsTest, AsksForTheBiggestFirst) {
  std::vector<WheelOrder> orders;
  for (const auto& [name, size] : {std::pair{"a", 10U}, {"b", 100'000U}, {"c", 1000U}})
    orders.push_back(promised(served(wheel(name, size)), wheel(name, size)));
  HttpClient one_by_one({.connections_per_host = 1, .requests_at_once = 1});
  obtain_wheels(orders, one_by_one, store_, workers_, listener_);
  std::vector<std::string> paths;
  for (const LoopbackRequest& request : server_.requests()) paths.push_back(request.path.substr(0, 2));
  EXPECT_THAT(paths, ElementsAre("/b", "/c", "/a"));
}

// Its end is asked for apart; whether that helps or not, and also where the line breaks.
TEST_F(WheelsTest, UnpacksABigWheelWhileItComes) {
  const WheelBuilder big = wheel("big", 9'000'000);
  for (const bool ranges : {true, false}) {
    const std::string path = ranges ? "/big.whl" : "/plain/big.whl";
    WheelOrder order = promised(served(big), big);
    order.artifact.url = server_.url(path);
    server_.serve(path, {.body = big.build(), .etag = "\"1\"", .ranges = ranges});
    const auto stored = obtain({order});
    EXPECT_EQ(read_file(stored[0].tree / "big.py"), std::string(9'000'000, '#'));
    EXPECT_EQ(server_.count(path), 2U);
    EXPECT_TRUE(fs::is_empty(store_.layout().tmp()));
    fs::remove_all(store_.layout().wheel(stored[0].digest));
  }
  WheelOrder order = promised(served(big), big);
  server_.serve("/" + big.filename(),
                {.body = big.build(), .etag = "\"1\"", .cuts = 1, .cut_after = 300'000});
  EXPECT_EQ(obtain({order})[0].digest, hash_bytes(big.build()));
  EXPECT_TRUE(fs::is_empty(store_.layout().tmp()));
}

TEST_F(WheelsTest, StoresNothingOfABigWheelWithAnotherHash) {
  const WheelBuilder big = wheel("big", 9'000'000);
  WheelOrder order = promised(served(big), big);
  order.artifact.digests = {hash_bytes("other")};
  failure({order}, ErrorKind::HashMismatch);
  EXPECT_FALSE(store_.find_wheel(hash_bytes("other")));
  EXPECT_FALSE(store_.find_wheel(hash_bytes(big.build())));
  EXPECT_TRUE(fs::is_empty(store_.layout().tmp()));
}

TEST_F(WheelsTest, NeedsNoNetworkForWhatIsStored) {
  const WheelBuilder a = wheel("a"), b = wheel("b"), c = wheel("c");
  // Promised by sha256, by md5, and by nothing but its URL.
  const std::vector<WheelOrder> orders = {promised(served(a), a), promised(served(b), b, "md5"), served(c)};
  obtain(orders);
  EXPECT_EQ(server_.requests().size(), 3U);
  const auto again = obtain(orders, true);
  EXPECT_EQ(again[1].filename, b.filename());
  EXPECT_EQ(again[2].digest, hash_bytes(c.build()));
  EXPECT_EQ(server_.requests().size(), 3U);
}

TEST_F(WheelsTest, FetchesOneFileOnceThoughOrderedTwice) {
  const WheelOrder order = promised(served(wheel("a")), wheel("a"));
  const auto stored = obtain({order, order});
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].tree, stored[1].tree);
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(WheelsTest, TakesLocalFilesWhereTheyAre) {
  const WheelBuilder a = wheel("a"), b = wheel("b");
  const auto stored = obtain({local(a), promised(local(b), b, "sha512")}, true);
  EXPECT_EQ(stored[0].digest, hash_bytes(a.build()));
  EXPECT_TRUE(fs::exists(fs::path(local(a).artifact.url.file_path())));
  // A local file that changed is another wheel; what its name gave before does not count.
  const WheelBuilder changed = wheel("a", 2000);
  EXPECT_EQ(obtain({local(changed)}, true)[0].digest, hash_bytes(changed.build()));
  WheelOrder gone = local(a);
  gone.artifact.url = Url::from_path("/nowhere/a-1.0-py3-none-any.whl");
  EXPECT_THAT(failure({gone}, ErrorKind::BadInput), HasSubstr("/nowhere/a-1.0"));
}

TEST_F(WheelsTest, AcceptsOneOfTheHashesOfTheUser) {
  const WheelBuilder a = wheel("a"), other = wheel("a", 7).build_tag("1");
  obtain({served(other)});
  WheelOrder order = served(a);
  // Those of the whole release: one of them is stored, but is another file.
  order.accepted = {hash_bytes(other.build()), hash_bytes(a.build()), hash_bytes("third")};
  EXPECT_EQ(obtain({order})[0].digest, hash_bytes(a.build()));
  EXPECT_EQ(obtain({order}, true)[0].filename, a.filename());
}

TEST_F(WheelsTest, RefusesOtherBytesThanPromised) {
  const WheelBuilder a = wheel("a");
  WheelOrder order = served(a);
  order.artifact.digests = {hash_bytes("other")};
  const std::string message = failure({order}, ErrorKind::HashMismatch);
  EXPECT_THAT(message, HasSubstr(hash_bytes("other").to_string()));
  EXPECT_THAT(message, HasSubstr(hash_bytes(a.build()).to_string()));
  EXPECT_FALSE(store_.find_wheel(hash_bytes(a.build())));

  order = promised(served(a), a);
  order.accepted = {hash_bytes("only this", "sha512")};  // the index's own does not count then
  EXPECT_THAT(failure({order}, ErrorKind::HashMismatch),
              HasSubstr(hash_bytes(a.build(), "sha512").to_string()));

  order = promised(served(a), a);
  *order.artifact.size += 1;
  EXPECT_THAT(failure({order}, ErrorKind::HashMismatch), HasSubstr("bytes, expected"));

  order = promised(local(a), wheel("b"));
  EXPECT_THAT(failure({order}, ErrorKind::HashMismatch), HasSubstr("dir%20with%20space"));
  EXPECT_TRUE(fs::is_empty(store_.layout().tmp()));
}

TEST_F(WheelsTest, ListsEverythingThatIsMissingOffline) {
  const WheelBuilder a = wheel("a"), b = wheel("b"), c = wheel("c");
  obtain({served(b)});
  const std::string message = failure({served(a), served(b), served(c)}, ErrorKind::Offline, true);
  EXPECT_THAT(message, HasSubstr("2 files are not in the store"));
  EXPECT_THAT(message, HasSubstr(a.filename()));
  EXPECT_THAT(message, HasSubstr(c.filename()));
}

TEST_F(WheelsTest, SaysWhatTheServerSaid) {
  WheelOrder order = served(wheel("a"));
  order.artifact.url = server_.url("/gone.whl");
  EXPECT_THAT(failure({order}, ErrorKind::Network), HasSubstr("404"));
}

TEST_F(WheelsTest, RefusesPagesInThePlaceOfWheels) {
  WheelOrder order = served(wheel("a"));
  server_.serve_page("/" + order.artifact.filename, "<html>please log in</html>");
  EXPECT_THAT(failure({order}, ErrorKind::BadArchive), HasSubstr("a-1.0-py3-none-any.whl"));
  EXPECT_THAT(failure({order}, ErrorKind::Offline, true), HasSubstr("one file is"));
}

TEST_F(WheelsTest, ResumesBrokenDownloads) {
  const WheelBuilder a = wheel("a", 500'000);
  const WheelOrder order = promised(served(a), a);
  server_.serve("/" + a.filename(), {.body = a.build(), .etag = "\"1\"", .cuts = 1, .cut_after = 100'000});
  EXPECT_EQ(obtain({order})[0].digest, hash_bytes(a.build()));
  EXPECT_EQ(server_.requests().size(), 2U);
}

// The server holds the other files back until the failure has been told, so nothing but a cancelled wait ends
// it.
TEST_F(WheelsTest, StopsWaitingAtTheFirstFailure) {
  std::vector<WheelOrder> orders = {served(wheel("bad"))};
  orders[0].artifact.digests = {hash_bytes("other")};
  for (const char* name : {"a", "b", "c"}) {
    orders.push_back(served(wheel(name)));
    server_.route("/" + wheel(name).filename(), [this, body = wheel(name).build()](const LoopbackRequest&) {
      told_.wait();
      return LoopbackReply{.body = body};
    });
  }
  EXPECT_THAT(failure(orders, ErrorKind::HashMismatch), HasSubstr("bad-1.0"));
  told_.count_down();
}

TEST_F(WheelsTest, EndsWhenInterrupted) {
  const WheelOrder order = served(wheel("a"));
  server_.route("/" + order.artifact.filename, [&](const LoopbackRequest&) {
    stop_.request_stop();
    told_.wait();
    return LoopbackReply{.body = wheel("a").build()};
  });
  try {
    obtain_wheels({order}, http_, store_, workers_, listener_, stop_.get_token());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Interrupted);
  }
  told_.count_down();
}

TEST_F(WheelsTest, PassesWarningsOn) {
  obtain({served(wheel("a").wheel_version("1.1"))});
  EXPECT_THAT(listener_.warnings(), ElementsAre(HasSubstr("wheel version 1.1")));
}

// ---- wheels with a wrong RECORD ----

WheelBuilder careless() {
  return WheelBuilder("foo", "1.0").file("foo.py", "").listed("gone.py,sha256=abc,1");
}

TEST_F(WheelsTest, AHashVouchesForAWheelWithAWrongRecord) {
  const WheelBuilder wheel = careless();
  for (const WheelOrder& order : {promised(served(wheel), wheel), promised(served(wheel), wheel, "sha512"),
                                  promised(local(wheel), wheel)}) {
    EXPECT_EQ(obtain({order, order})[0].filename, wheel.filename());
    EXPECT_THAT(
        listener_.warnings(),
        ElementsAre(
            "foo-1.0-py3-none-any.whl: its RECORD lists files that are not there: `gone.py`; the hash "
            "of the file is right, so it is used"));
    listener_.forget();
  }
}

TEST_F(WheelsTest, WhereNothingVouchesAWrongRecordIsRefusedThoughTheStoreHasTheWheel) {
  const WheelBuilder wheel = careless();
  for (const bool stored : {false, true}) {
    if (stored) obtain({promised(served(wheel), wheel)});
    for (const WheelOrder& order : {served(wheel), local(wheel), promised(served(wheel), wheel, "md5")})
      EXPECT_THAT(failure({order}, ErrorKind::BadArchive),
                  HasSubstr("its RECORD lists files that are not there: `gone.py`, and no hash vouches"));
  }
}

TEST_F(WheelsTest, AWrongRecordCanBeAllowedOrBeNoMatter) {
  WheelOrder order = served(careless());
  order.bad_record = BadRecord::Allowed;
  obtain({order});
  EXPECT_THAT(listener_.warnings(), ElementsAre(HasSubstr("not there: `gone.py`")));
  order.bad_record = BadRecord::Ignored;
  listener_.forget();
  obtain({order});
  EXPECT_THAT(listener_.warnings(), ElementsAre());
}

}  // namespace
}  // namespace moat
