#include "fetch/http/http.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/process.h"
#include "tests/support/loopback_server.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <atomic>
#include <future>
#include <latch>
#include <new>
#include <string>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LoopbackReply;
using testing::LoopbackRequest;
using testing::LoopbackResource;
using testing::LoopbackServer;
using ::testing::Not;

std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return text;
}

LoopbackResource resource(std::string body) {
  LoopbackResource result;
  result.body = std::move(body);
  return result;
}

class HttpTest : public ::testing::Test {
 protected:
  static HttpOptions quick() {
    HttpOptions options;
    options.retry.first_delay = std::chrono::milliseconds(1);
    options.retry.longest_delay = std::chrono::milliseconds(3);
    return options;
  }
  HttpRequest request(std::string_view path) const {
    HttpRequest result;
    result.url = server_.url(path);
    return result;
  }
  Error error_of(HttpRequest wanted) {
    try {
      const HttpResponse response = client_.get(std::move(wanted));
      ADD_FAILURE() << "it gave " << response.status;
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorKind::Usage, "");
  }
  // Downloads to a file; what on_data saw must be what the file holds.
  HttpResponse download(HttpRequest wanted) {
    wanted.to_file = file_;
    seen_.clear();
    wanted.on_data = [this](std::string_view piece) { seen_ += piece; };
    HttpResponse response = client_.get(std::move(wanted));
    if (response.status < 300) {
      EXPECT_EQ(read_file(file_), seen_);
    }
    return response;
  }

  // Handlers wait on them to the very end, so they outlive the server.
  std::latch begun_{1};
  std::latch held_{1};
  LoopbackServer server_;
  HttpClient client_{quick()};
  TempDir temp_{::testing::TempDir(), "http-test"};
  fs::path file_ = temp_.path() / "file";
  std::string seen_;
};

TEST_F(HttpTest, GetsAPageAndKeepsTheConnection) {
  server_.serve_page("/a", "hello", "text/x");
  for (int i = 0; i < 3; ++i) {
    const HttpResponse response = client_.get(request("/a"));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(*response.header("content-type"), "text/x");
    EXPECT_EQ(response.final_url, server_.url("/a"));
  }
  EXPECT_EQ(server_.connections(), 1U);
  EXPECT_EQ(client_.requests_sent(), 3U);
  EXPECT_EQ(client_.bytes_received(), 15U);
}

TEST_F(HttpTest, StatusesAreNotErrors) {
  EXPECT_EQ(client_.get(request("/none")).status, 404);
  server_.route("/empty", [](const LoopbackRequest&) { return LoopbackReply{}; });
  EXPECT_EQ(client_.get(request("/empty")).body, "");
}

TEST_F(HttpTest, SendsWhatIsAskedAndNoMore) {
  server_.serve_page("/a", "x");
  HttpRequest wanted = request("/a?b=c#fragment");
  wanted.headers = {{"Accept", "text/x"}, {"If-None-Match", "\"1\""}};
  client_.get(wanted);
  const LoopbackRequest got = server_.requests().at(0);
  EXPECT_EQ(got.query, "b=c");
  EXPECT_EQ(got.header("accept"), "text/x");
  EXPECT_EQ(got.header("if-none-match"), "\"1\"");
  EXPECT_THAT(got.header("accept-encoding"), HasSubstr("gzip"));
  EXPECT_EQ(got.header("authorization"), "");
}

TEST_F(HttpTest, SendsABodyWithAnyMethod) {
  server_.route("/a", [](const LoopbackRequest& got) {
    LoopbackReply reply;
    reply.status = 201;
    reply.body = got.method + " " + std::to_string(got.body.size());
    return reply;
  });
  const std::string body = noise(300'000);
  for (const char* method : {"PUT", "POST", "PATCH"}) {
    for (const std::string& sent : {body, std::string()}) {
      HttpRequest wanted = request("/a");
      wanted.method = method;
      wanted.body = HttpBody::of(sent);
      const HttpResponse response = client_.exchange(wanted);
      EXPECT_EQ(response.status, 201);
      EXPECT_EQ(response.body, method + (" " + std::to_string(sent.size())));
      EXPECT_EQ(server_.requests().back().body, sent);
      EXPECT_EQ(server_.requests().back().header("content-length"), std::to_string(sent.size()));
    }
  }
}

TEST_F(HttpTest, AsksForTheHeadAlone) {
  server_.serve("/a", resource("hello"));
  HttpRequest wanted = request("/a");
  wanted.method = "HEAD";
  const HttpResponse response = client_.exchange(wanted);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(*response.header("content-length"), "5");
  EXPECT_EQ(server_.requests().back().method, "HEAD");
}

TEST_F(HttpTest, SendsABodyAgainFromItsBeginning) {
  LoopbackResource busy = resource("done");
  busy.failures = 2;
  server_.serve("/a", busy);
  HttpRequest wanted = request("/a");
  wanted.method = "PUT";
  wanted.body = HttpBody::of(noise(100'000));
  EXPECT_EQ(client_.exchange(wanted).status, 200);
  ASSERT_EQ(server_.count("/a"), 3U);
  for (const LoopbackRequest& got : server_.requests("/a")) EXPECT_EQ(got.body, noise(100'000));
}

TEST_F(HttpTest, SendsOnceWhatMayBeSentOnlyOnce) {
  LoopbackResource busy = resource("done");
  busy.failures = 1;
  server_.serve("/a", busy);
  HttpRequest wanted = request("/a");
  wanted.method = "PATCH";
  wanted.body = HttpBody::of("x");
  wanted.once = true;
  EXPECT_EQ(client_.exchange(wanted).status, 503);
  EXPECT_EQ(server_.count("/a"), 1U);
  // Refused before anything was done with it.
  busy.failure_status = 429;
  server_.serve("/b", busy);
  wanted.url = server_.url("/b");
  EXPECT_EQ(client_.exchange(wanted).status, 200);
  EXPECT_EQ(server_.count("/b"), 2U);
}

TEST_F(HttpTest, FollowsNoRedirectThatWouldMakeAnotherRequest) {
  server_.redirect("/302", "/target", 302);
  server_.redirect("/307", "/target", 307);
  server_.serve("/target", resource("there"));
  HttpRequest wanted = request("/302");
  wanted.method = "PUT";
  wanted.body = HttpBody::of("body");
  EXPECT_EQ(client_.exchange(wanted).status, 302);
  EXPECT_EQ(server_.count("/target"), 0U);
  wanted.url = server_.url("/307");
  EXPECT_EQ(client_.exchange(wanted).status, 200);
  EXPECT_EQ(server_.requests("/target").at(0).method, "PUT");
  EXPECT_EQ(server_.requests("/target").at(0).body, "body");
}

TEST_F(HttpTest, TakesASecretBodyToNoOtherOrigin) {
  LoopbackServer other;
  other.serve("/target", resource("there"));
  server_.redirect("/away", other.url("/target").to_string(), 307);
  server_.redirect("/near", "/target", 307);
  server_.serve("/target", resource("there"));
  HttpRequest wanted = request("/near");
  wanted.method = "POST";
  wanted.body = HttpBody::of("a token");
  wanted.body_is_secret = true;
  EXPECT_EQ(client_.exchange(wanted).status, 200);
  wanted.url = server_.url("/away");
  EXPECT_THROW(client_.exchange(wanted), Error);
  EXPECT_EQ(other.count("/target"), 0U);
}

TEST_F(HttpTest, TellsWhatABodyThrows) {
  HttpRequest wanted = request("/a");
  wanted.method = "PUT";
  wanted.body = HttpBody{10, [](std::uint64_t, char*, std::size_t) -> std::size_t {
                           throw Error(ErrorKind::Disk, "cannot read the file");
                         }};
  EXPECT_STREQ(error_of(wanted).what(), "cannot read the file");
}

std::string gzip(std::string text) {
  std::string packed(1000 + text.size() / 100, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  void* in = text.data();
  void* out = packed.data();
  stream.next_in = static_cast<Bytef*>(in);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = static_cast<Bytef*>(out);
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST_F(HttpTest, DecodesGzipInMemoryAndChunksAnywhere) {
  const std::string text(10'000, 'x');
  const std::string packed = gzip(text);
  server_.route("/gz", [&](const LoopbackRequest&) {
    LoopbackReply reply;
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.body = packed;
    reply.chunked = true;
    return reply;
  });
  EXPECT_EQ(client_.get(request("/gz")).body, text);
}

TEST_F(HttpTest, RefusesBodiesTooLargeForMemory) {
  server_.serve_page("/big", std::string(5000, 'x'));
  HttpRequest wanted = request("/big");
  wanted.max_size = 1000;
  EXPECT_THAT(error_of(wanted).what(), HasSubstr("larger than 1000 bytes"));
}

TEST_F(HttpTest, RefusesBodiesThatUnpackToALotMore) {
  const auto packed = [](std::size_t size) {
    return [body = gzip(std::string(size, 'x'))](const LoopbackRequest&) {
      LoopbackReply reply;
      reply.headers.emplace_back("Content-Encoding", "gzip");
      reply.body = body;
      return reply;
    };
  };
  server_.route("/bomb", packed(20'000'000));
  EXPECT_THAT(error_of(request("/bomb")).what(), HasSubstr("unpacks to more than 200 times its size"));
  server_.route("/small", packed(500'000));  // what is small may be as dense as it likes
  EXPECT_EQ(client_.get(request("/small")).body.size(), 500'000U);
}

TEST_F(HttpTest, FollowsRedirectsAndSaysWhereTheyEnded) {
  server_.redirect("/a", "b?x=1", 301);
  server_.redirect("/b", server_.address("/c"), 308);
  server_.serve_page("/c", "there");
  const HttpResponse response = client_.get(request("/a"));
  EXPECT_EQ(response.body, "there");
  EXPECT_EQ(response.final_url, server_.url("/c"));
  EXPECT_EQ(server_.requests("/b").at(0).query, "x=1");
}

TEST_F(HttpTest, EndsRedirectLoops) {
  server_.redirect("/a", "/a");
  const Error error = error_of(request("/a"));
  EXPECT_EQ(error.kind(), ErrorKind::Network);
  EXPECT_THAT(error.what(), HasSubstr("redirects more than 20 times"));
}

TEST_F(HttpTest, RefusesRedirectsToFiles) {
  server_.redirect("/a", "file:///etc/passwd");
  EXPECT_THAT(error_of(request("/a")).what(), HasSubstr("which is refused"));
}

TEST_F(HttpTest, CredentialsStayWithTheirOrigin) {
  LoopbackServer other;
  other.serve_page("/x", "x");
  server_.redirect("/same", "/page");
  server_.serve_page("/page", "page");
  server_.redirect("/away", other.address("/x"));
  HttpRequest wanted = request("/same");
  wanted.url = wanted.url.with_userinfo("us%40er:p%3Aw");
  EXPECT_EQ(client_.get(wanted).final_url, server_.url("/page"));
  EXPECT_EQ(server_.requests("/same").at(0).header("authorization"), "Basic dXNAZXI6cDp3");
  EXPECT_EQ(server_.requests("/page").at(0).header("authorization"), "Basic dXNAZXI6cDp3");

  wanted.url = server_.url("/away").with_userinfo("u:p");
  EXPECT_EQ(client_.get(wanted).body, "x");
  EXPECT_EQ(other.requests("/x").at(0).header("authorization"), "");

  HttpRequest with_header = request("/away");
  with_header.headers = {{"Authorization", "Bearer t"}, {"X-Other", "y"}};
  client_.get(with_header);
  EXPECT_EQ(server_.requests("/away").at(1).header("authorization"), "Bearer t");
  EXPECT_EQ(other.requests("/x").at(1).header("authorization"), "");
  EXPECT_EQ(other.requests("/x").at(1).header("x-other"), "y");
}

TEST_F(HttpTest, CredentialsInARedirectAreUsed) {
  LoopbackServer other;
  LoopbackResource page = resource("x");
  page.user_password = "v:w";
  other.serve("/x", page);
  server_.redirect("/away", "http://v:w@127.0.0.1:" + std::to_string(other.port()) + "/x");
  const HttpResponse response = client_.get(request("/away"));
  EXPECT_EQ(response.body, "x");
  EXPECT_EQ(response.final_url, other.url("/x"));
}

TEST_F(HttpTest, AsksForCredentialsBeforeAndAgainAfter401) {
  LoopbackResource page = resource("secret page");
  page.user_password = "good:pw";
  server_.serve("/p", page);
  std::vector<bool> asked;
  HttpOptions options = quick();
  options.credentials = [&](const Url& url, bool again) -> std::optional<std::string> {
    EXPECT_EQ(url.path(), "/p");
    asked.push_back(again);
    return again ? "good:pw" : "old:pw";
  };
  {
    HttpClient client(options);
    EXPECT_EQ(client.get(request("/p")).body, "secret page");
    EXPECT_THAT(asked, ElementsAre(false, true));
    EXPECT_EQ(server_.count("/p"), 2U);
  }
  options.credentials = [&](const Url&, bool) { return std::optional<std::string>("bad:pw"); };
  HttpClient stubborn(options);
  EXPECT_EQ(stubborn.get(request("/p")).status, 401);
  EXPECT_EQ(server_.count("/p"), 3U);
  options.credentials = [&](const Url&, bool again) -> std::optional<std::string> {
    if (again) throw Error(ErrorKind::Usage, "the keyring is locked");
    return std::nullopt;
  };
  HttpClient failing(options);
  EXPECT_THROW(failing.get(request("/p")), Error);
}

TEST_F(HttpTest, MessagesNeverHoldCredentials) {
  server_.route("/cut", [](const LoopbackRequest&) {
    LoopbackReply reply;
    reply.body = "12345";
    reply.cut_after = 1;
    return reply;
  });
  HttpRequest wanted = request("/cut");
  wanted.url = wanted.url.with_userinfo("user:hunter2");
  const Error error = error_of(wanted);
  EXPECT_THAT(error.what(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(error.what(), HasSubstr("****"));
}

TEST_F(HttpTest, TriesAgainWhatMayPass) {
  LoopbackResource page = resource("at last");
  page.failures = 2;
  page.retry_after = "0";
  page.cuts = 1;
  page.cut_after = 3;
  server_.serve("/p", page);
  EXPECT_EQ(client_.get(request("/p")).body, "at last");
  EXPECT_EQ(server_.count("/p"), 4U);
}

TEST_F(HttpTest, GivesUpAfterItsAttempts) {
  LoopbackResource page = resource("never");
  page.failures = 100;
  server_.serve("/busy", page);
  EXPECT_EQ(client_.get(request("/busy")).status, 503);
  EXPECT_EQ(server_.count("/busy"), 4U);
  page.failures = 0;
  page.cuts = 100;
  page.cut_after = 2;
  server_.serve("/cut", page);
  EXPECT_EQ(error_of(request("/cut")).kind(), ErrorKind::Network);
  EXPECT_EQ(server_.count("/cut"), 4U);
}

TEST_F(HttpTest, RefusedConnectionsNameTheUrl) {
  std::uint16_t port = 0;
  {
    LoopbackServer gone;
    port = gone.port();
  }
  HttpRequest wanted;
  wanted.url = Url::parse("http://127.0.0.1:" + std::to_string(port) + "/x").value();
  const Error error = error_of(wanted);
  EXPECT_EQ(error.kind(), ErrorKind::Network);
  EXPECT_THAT(error.what(), HasSubstr("/x"));
  EXPECT_EQ(client_.requests_sent(), 0U);
}

TEST_F(HttpTest, DownloadsToAFile) {
  const std::string body = noise(300'000);
  server_.serve("/f", resource(body));
  std::uint64_t last = 0;
  HttpRequest wanted = request("/f");
  wanted.on_progress = [&](std::uint64_t so_far, std::uint64_t total) {
    EXPECT_GT(so_far, last);
    EXPECT_EQ(total, 300'000U);
    last = so_far;
  };
  const HttpResponse response = download(wanted);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(seen_, body);
  EXPECT_EQ(last, body.size());
  EXPECT_EQ(server_.requests("/f").at(0).header("accept-encoding"), "identity");
}

TEST_F(HttpTest, AnErrorPageDoesNotBecomeTheFile) {
  const HttpResponse response = download(request("/none"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "no such page");
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(HttpTest, ResumesWhereItBroke) {
  LoopbackResource file = resource(noise(300'000));
  file.etag = "\"v1\"";
  file.cuts = 2;
  file.cut_after = 100'000;
  file.reset = true;
  server_.serve("/f", file);
  EXPECT_EQ(download(request("/f")).status, 200);
  EXPECT_EQ(seen_, file.body);
  const auto requests = server_.requests("/f");
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("range"), "");
  EXPECT_EQ(requests[2].header("if-range"), "\"v1\"");
  EXPECT_THAT(requests[2].header("range"), ::testing::StartsWith("bytes="));
}

TEST_F(HttpTest, ResumesInsideARange) {
  LoopbackResource file = resource(noise(300'000));
  file.etag = "\"v1\"";
  file.cuts = 1;
  file.cut_after = 100'000;
  server_.serve("/f", file);
  HttpRequest wanted = request("/f");
  wanted.range = ByteRange{.first = 1000, .last = 250'999};
  EXPECT_EQ(download(wanted).status, 206);
  EXPECT_EQ(seen_, file.body.substr(1000, 250'000));
  EXPECT_EQ(server_.requests("/f").at(1).header("range"), "bytes=101000-250999");
}

TEST_F(HttpTest, WithoutATagTheBeginningIsComparedNotRepeated) {
  LoopbackResource file = resource(noise(300'000));
  file.cuts = 1;
  file.cut_after = 100'000;
  server_.serve("/f", file);
  EXPECT_EQ(download(request("/f")).status, 200);
  EXPECT_EQ(seen_, file.body);
  EXPECT_EQ(server_.requests("/f").at(1).header("range"), "");
}

TEST_F(HttpTest, AFileThatChangedMeanwhileIsAnError) {
  int count = 0;
  server_.route("/f", [&](const LoopbackRequest& got) {
    LoopbackReply reply;
    reply.body = noise(200'000);
    reply.headers.emplace_back("ETag", count == 0 ? "\"v1\"" : "\"v2\"");
    if (count++ == 0)
      reply.cut_after = 100'000;
    else
      reply.body[5] = '!';
    EXPECT_EQ(got.header("if-range"), count == 1 ? "" : "\"v1\"");
    return reply;
  });
  HttpRequest wanted = request("/f");
  wanted.to_file = file_;
  EXPECT_THAT(error_of(wanted).what(), HasSubstr("changed while it was being downloaded"));
}

TEST_F(HttpTest, BytesFromElsewhereAreAnError) {
  int count = 0;
  server_.route("/f", [&](const LoopbackRequest&) {
    LoopbackReply reply;
    reply.headers.emplace_back("ETag", "\"v1\"");
    if (count++ == 0) {
      reply.body = noise(200'000);
      reply.cut_after = 100'000;
    } else {
      reply.status = 206;
      reply.body = std::string(199'950, 'x');
      reply.headers.emplace_back("Content-Range", "bytes 50-199999/200000");
    }
    return reply;
  });
  HttpRequest wanted = request("/f");
  wanted.to_file = file_;
  EXPECT_THAT(error_of(wanted).what(), HasSubstr("instead of those from 100000 on"));
}

TEST_F(HttpTest, AskedRangesComeInMemory) {
  LoopbackResource file = resource("0123456789");
  server_.serve("/f", file);
  HttpRequest wanted = request("/f");
  wanted.range = ByteRange{.first = 2, .last = 4};
  HttpResponse response = client_.get(wanted);
  EXPECT_EQ(response.status, 206);
  EXPECT_EQ(response.body, "234");
  wanted.range = ByteRange{.first = 3, .suffix = true};
  EXPECT_EQ(client_.get(wanted).body, "789");
  wanted.range = ByteRange{.first = 30, .suffix = true};
  EXPECT_EQ(client_.get(wanted).body, file.body);
  wanted.range = ByteRange{.first = 100};
  EXPECT_EQ(client_.get(wanted).status, 416);
  EXPECT_EQ(server_.requests("/f").at(0).header("accept-encoding"), "identity");
  file.ranges = false;
  server_.serve("/f", file);
  wanted.range = ByteRange{.first = 2, .last = 4};
  response = client_.get(wanted);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, file.body);
}

TEST_F(HttpTest, AFullDiskOrABadPathIsADiskError) {
  server_.serve("/f", resource("x"));
  HttpRequest wanted = request("/f");
  wanted.to_file = temp_.path() / "none" / "file";
  EXPECT_EQ(error_of(wanted).kind(), ErrorKind::Disk);
}

TEST_F(HttpTest, OfflineNothingIsSent) {
  HttpOptions options = quick();
  options.offline = true;
  HttpClient client(options);
  try {
    client.get(request("/a"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Offline);
  }
  EXPECT_EQ(server_.connections(), 0U);
}

TEST_F(HttpTest, ManyAtOnceAllArrive) {
  for (int i = 0; i < 300; ++i) server_.serve_page("/p" + std::to_string(i), std::to_string(i));
  std::latch all(300);
  std::atomic<int> right = 0;
  HttpClient client(quick());
  for (int i = 0; i < 300; ++i) {
    client.send(request("/p" + std::to_string(i)), [&, i](const HttpClient::Result& result) {
      const auto* response = std::get_if<HttpResponse>(&result);
      if (response != nullptr && response->body == std::to_string(i)) ++right;
      all.count_down();
    });
  }
  all.wait();
  EXPECT_EQ(right, 300);
  EXPECT_LE(server_.connections(), 8U);
}

TEST_F(HttpTest, UrgentRequestsGoFirst) {
  server_.route("/first", [&](const LoopbackRequest&) {
    begun_.count_down();
    held_.wait();
    return LoopbackReply{};
  });
  for (const char* path : {"/low", "/high", "/middle"}) server_.serve_page(path, "x");
  HttpOptions options = quick();
  options.requests_at_once = 1;
  std::latch all(4);
  HttpClient client(options);
  const auto done = [&](const HttpClient::Result&) { all.count_down(); };
  client.send(request("/first"), done);
  begun_.wait();
  for (const auto& [path, priority] :
       {std::pair("/low", 0), std::pair("/high", 9), std::pair("/middle", 5)}) {
    HttpRequest wanted = request(path);
    wanted.priority = priority;
    client.send(wanted, done);
  }
  held_.count_down();
  all.wait();
  std::vector<std::string> order;
  for (const LoopbackRequest& got : server_.requests()) order.push_back(got.path);
  EXPECT_THAT(order, ElementsAre("/first", "/high", "/middle", "/low"));
}

TEST_F(HttpTest, DestructionCancelsWhatIsUnderWay) {
  server_.route("/slow", [&](const LoopbackRequest&) {
    begun_.count_down();
    held_.wait();
    return LoopbackReply{};
  });
  std::atomic<int> interrupted = 0;
  {
    HttpOptions options = quick();
    options.requests_at_once = 1;
    HttpClient client(options);
    for (int i = 0; i < 3; ++i)
      client.send(request("/slow"), [&](const HttpClient::Result& result) {
        const Error* error = std::get_if<Error>(&result);
        if (error != nullptr && error->kind() == ErrorKind::Interrupted) ++interrupted;
      });
    begun_.wait();
  }
  EXPECT_EQ(interrupted, 3);
  held_.count_down();
}

// Memory may be out just when an answer is handed over. Then the asker hears that, and others get theirs.
TEST_F(HttpTest, WhoCannotTakeAnAnswerHearsWhy) {
  server_.serve_page("/a", "x");
  HttpRequest refused = request("/a");
  refused.url = Url::parse("http://127.0.0.1:1/").value();  // nobody listens
  HttpOptions options = quick();
  options.retry.attempts = 1;
  HttpClient client(options);
  for (const HttpRequest& wanted : {request("/a"), refused}) {
    std::promise<std::string> heard;
    client.send(wanted, [&, calls = 0](const HttpClient::Result& result) mutable {
      if (++calls == 1) throw std::bad_alloc();
      const Error* error = std::get_if<Error>(&result);
      heard.set_value(error == nullptr ? "a response" : error->what());
    });
    EXPECT_EQ(heard.get_future().get(), "out of memory");
  }
  EXPECT_EQ(client.get(request("/a")).body, "x");
}

TEST_F(HttpTest, WhoNeverHearsAnAnswerStopsWaiting) {
  const Interrupts interrupts;
  std::latch stopped(1);
  const std::stop_callback callback(interrupts.token(), [&] { stopped.count_down(); });
  HttpClient client(quick());
  server_.serve_page("/a", "x");
  client.send(request("/a"), [](const HttpClient::Result&) { throw std::bad_alloc(); });
  stopped.wait();
  EXPECT_EQ(interrupts.signal(), std::nullopt);
}

TEST_F(HttpTest, AnAnswerThatIsNeverTakenEndsNothingElse) {
  server_.serve_page("/a", "x");
  client_.send(request("/a"), [](const HttpClient::Result&) { throw std::bad_alloc(); });
  EXPECT_EQ(client_.get(request("/a")).body, "x");
}

TEST_F(HttpTest, AStalledServerIsATimeout) {
  server_.route("/slow", [&](const LoopbackRequest&) {
    held_.wait();
    return LoopbackReply{};
  });
  HttpOptions options = quick();
  options.retry.attempts = 1;
  options.stall_timeout = std::chrono::seconds(1);
  HttpClient client(options);
  try {
    client.get(request("/slow"));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("too slow"));
  }
  held_.count_down();
}

TEST_F(HttpTest, UsesTheProxyOfTheOptionsAlone) {
  LoopbackServer proxy;
  proxy.serve_page("/page", "from the proxy");
  server_.serve_page("/page", "from the server");
  HttpOptions options = quick();
  options.proxy_http = proxy.address();
  {
    HttpClient client(options);
    EXPECT_EQ(client.get(request("/page")).body, "from the proxy");
  }
  options.no_proxy = "127.0.0.0/8";
  HttpClient client(options);
  EXPECT_EQ(client.get(request("/page")).body, "from the server");
}

}  // namespace
}  // namespace moat
