// HTTP/2 and TLS, by nghttpx in front of the loopback server. Skipped where it or openssl is not installed.
#include "fetch/http.h"
#include "fetch/os/file.h"
#include "fetch/os/process.h"
#include "tests/support/loopback_server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <stop_token>
#include <string>
#include <thread>

namespace moat {
namespace {

using ::testing::HasSubstr;
using testing::LoopbackServer;

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

class HttpsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto nghttpx = find_program("nghttpx", kPath);
    const auto openssl = find_program("openssl", kPath);
    if (!nghttpx || !openssl) GTEST_SKIP() << "nghttpx or openssl is not installed";
    Command make;
    make.argv = {*openssl,
                 "req",
                 "-x509",
                 "-newkey",
                 "ec",
                 "-pkeyopt",
                 "ec_paramgen_curve:prime256v1",
                 "-nodes",
                 "-keyout",
                 key_,
                 "-out",
                 certificate_,
                 "-days",
                 "2",
                 "-subj",
                 "/CN=test",
                 "-addext",
                 "subjectAltName=IP:127.0.0.1"};
    ASSERT_EQ(run_process(make).status, 0);
    // nghttpx wants a port by number: one that was free a moment ago.
    port_ = LoopbackServer().port();
    Command front;
    front.argv = {*nghttpx,
                  "--conf=/dev/null",
                  "--workers=1",
                  "--no-location-rewrite",
                  "--errorlog-file=/dev/null",
                  "--frontend=127.0.0.1," + std::to_string(port_),
                  "--backend=127.0.0.1," + std::to_string(server_.port()),
                  key_,
                  certificate_};
    proxy_ = std::jthread([front](const std::stop_token& stop) { run_process(front, stop); });
  }
  HttpOptions options() const {
    HttpOptions result;
    // It takes a moment to start.
    result.retry = {.attempts = 300,
                    .first_delay = std::chrono::milliseconds(20),
                    .longest_delay = std::chrono::milliseconds(20)};
    result.ca_file = certificate_;
    return result;
  }
  HttpRequest request(const std::string& path) const {
    HttpRequest result;
    result.url = Url::parse("https://127.0.0.1:" + std::to_string(port_) + path).value();
    return result;
  }
  std::string message_of(HttpClient& client, const std::string& path) const {
    try {
      return "status " + std::to_string(client.get(request(path)).status);
    } catch (const Error& error) {
      return error.what();
    }
  }

  TempDir temp_{::testing::TempDir(), "https-test"};
  const std::string key_ = temp_.path() / "key.pem";
  const std::string certificate_ = temp_.path() / "certificate.pem";
  LoopbackServer server_;
  std::uint16_t port_ = 0;
  std::jthread proxy_;
};

TEST_F(HttpsTest, ManyRequestsShareOneConnection) {
  // Nobody is answered before twenty have come: more than there may be connections.
  constexpr int kTogether = 20;
  std::latch together(kTogether);
  server_.serve_page("/first", "x");
  server_.route("/p", [&](const testing::LoopbackRequest&) {
    together.arrive_and_wait();
    testing::LoopbackReply reply;
    reply.body = "page";
    return reply;
  });
  std::latch all(kTogether);
  std::atomic<int> right = 0;
  HttpClient client(options());
  EXPECT_EQ(client.get(request("/first")).body, "x");
  for (int i = 0; i < kTogether; ++i)
    client.send(request("/p"), [&](const HttpClient::Result& result) {
      const auto* response = std::get_if<HttpResponse>(&result);
      if (response != nullptr && response->body == "page") ++right;
      all.count_down();
    });
  all.wait();
  EXPECT_EQ(right, kTogether);
}

TEST_F(HttpsTest, ABrokenStreamIsTakenUpAgain) {
  testing::LoopbackResource file;
  file.body = std::string(300'000, 'x') + "end";
  file.etag = "\"v1\"";
  file.cuts = 1;
  file.cut_after = 100'000;
  server_.serve("/f", file);
  HttpRequest wanted = request("/f");
  wanted.to_file = temp_.path() / "file";
  std::string seen;
  wanted.on_data = [&](std::string_view piece) { seen += piece; };
  HttpClient client(options());
  EXPECT_EQ(client.get(wanted).status, 200);
  EXPECT_EQ(seen, file.body);
  EXPECT_EQ(read_file(*wanted.to_file), file.body);
}

TEST_F(HttpsTest, CertificatesCountUnlessTheHostIsTrusted) {
  server_.serve_page("/p", "x");
  HttpClient knowing(options());
  EXPECT_EQ(message_of(knowing, "/p"), "status 200");  // and from here on the proxy is up

  HttpOptions unknowing = options();
  unknowing.ca_file.clear();
  HttpClient suspicious(unknowing);
  EXPECT_THAT(message_of(suspicious, "/p"), HasSubstr("certificate"));
  EXPECT_EQ(server_.count("/p"), 1U);

  unknowing.trusted_hosts = {"127.0.0.1:" + std::to_string(port_)};
  HttpClient trusting(unknowing);
  EXPECT_EQ(message_of(trusting, "/p"), "status 200");
}

TEST_F(HttpsTest, RedirectsToPlainHttpAreRefused) {
  server_.redirect("/away", server_.address("/p"));
  server_.serve_page("/p", "x");
  HttpClient client(options());
  EXPECT_THAT(message_of(client, "/away"), HasSubstr("unprotected http"));
  EXPECT_EQ(server_.count("/p"), 0U);
}

}  // namespace
}  // namespace moat
