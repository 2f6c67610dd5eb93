// HTTP/2 and TLS, by Debian's Apache in front of the loopback server. Skipped where it or openssl is not
// installed.
#include "fetch/http/http.h"
#include "fetch/os/file.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"
#include "tests/support/loopback_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace moat {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using testing::LoopbackServer;
using ::testing::StartsWith;

constexpr const char* kModules = "/usr/lib/apache2/modules";
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

class HttpsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto apache = find_program("apache2", kPath);
    const auto openssl = find_program("openssl", kPath);
    if (!apache || !openssl || !fs::exists(fs::path(kModules) / "mod_http2.so"))
      GTEST_SKIP() << "apache2 or openssl is not installed";
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
    port_ = LoopbackServer().port();  // one that was free a moment ago
    const fs::path configuration = temp_.path() / "apache.conf";
    write_file_atomically(configuration, apache_configuration());
    Command front;
    front.argv = {*apache, "-X", "-f", configuration};
    front_ = std::jthread([front](const std::stop_token& stop) { run_process(front, stop); });
  }
  std::string apache_configuration() const {
    std::string out;
    for (const char* name : {"mpm_event", "authz_core", "ssl", "http2", "proxy", "proxy_http"})
      out += fmt::format("LoadModule {0}_module {1}/mod_{0}.so\n", name, kModules);
    return out + fmt::format(
                     "ServerRoot {0}\nServerName localhost\nPidFile {0}/pid\nErrorLog {0}/error.log\n"
                     "DefaultRuntimeDir {0}\nListen 127.0.0.1:{1}\nProtocols h2\n"
                     "LogFormat \"%H from %{{remote}}p\" short\nCustomLog {0}/access.log short\n"
                     "SSLEngine on\nSSLCertificateFile {2}\nSSLCertificateKeyFile {3}\n"
                     "ProxyPass / http://127.0.0.1:{4}/\n",
                     temp_.path().native(), port_, certificate_, key_, server_.port());
  }
  // A line for each request: its protocol, and the port it came from. Waits for the last ones.
  std::vector<std::string> logged(std::size_t requests) const {
    std::vector<std::string> lines;
    for (int i = 0; i < 500 && lines.size() < requests; ++i) {
      if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      lines.clear();
      const std::string text = read_file(temp_.path() / "access.log");
      for (const std::string_view line : split_lines(text)) lines.emplace_back(line);
    }
    return lines;
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
  std::jthread front_;
};

TEST_F(HttpsTest, ManyRequestsShareOneConnection) {
  constexpr int kRequests = 20;
  server_.serve_page("/first", "x");
  server_.serve_page("/p", "page");
  HttpClient client(options());
  EXPECT_EQ(client.get(request("/first")).body, "x");
  std::latch all(kRequests);
  std::atomic<int> right = 0;
  for (int i = 0; i < kRequests; ++i)
    client.send(request("/p"), [&](const HttpClient::Result& result) {
      const auto* response = std::get_if<HttpResponse>(&result);
      if (response != nullptr && response->body == "page") ++right;
      all.count_down();
    });
  all.wait();
  EXPECT_EQ(right, kRequests);
  const std::vector<std::string> lines = logged(kRequests + 1);
  ASSERT_EQ(lines.size(), kRequests + 1U);
  EXPECT_THAT(lines, Each(StartsWith("HTTP/2.0 from ")));
  EXPECT_THAT(lines, Each(lines.front()));
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
  EXPECT_EQ(message_of(knowing, "/p"), "status 200");  // and from here on Apache is up

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
