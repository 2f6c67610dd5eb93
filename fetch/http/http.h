// HTTP(S) over libcurl: one thread owns the multi handle; everybody else sends it requests.
#pragma once

#include "fetch/http/retry.h"
#include "resolver/base/error.h"
#include "resolver/base/url.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moat {

struct ByteRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> last;  // inclusive; nullopt: to the end
  bool suffix = false;                // the last `first` bytes: "bytes=-N"
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The body of a request; sent from its beginning at each attempt.
struct HttpBody {
  std::uint64_t size = 0;
  // Fills `to` with the bytes at `offset`, at most `room`, and returns how many: at least one. Called on the
  // network thread; an exception ends the request. Must be quick.
  std::function<std::size_t(std::uint64_t offset, char* to, std::size_t room)> read;

  static HttpBody of(std::string bytes);
};

struct HttpRequest {
  Url url;  // userinfo becomes basic authorization and never reaches a log
  HttpHeaders headers;
  // GET, HEAD, POST, PUT, PATCH, DELETE. All redirects of a GET and a HEAD are followed, for the others only
  // 307 and 308.
  std::string method = "GET";
  std::optional<HttpBody> body = std::nullopt;
  // Not idempotent: not retried if the server may have acted on it already.
  bool once = false;
  bool body_is_secret = false;     // a redirect to another origin is refused
  std::optional<ByteRange> range;  // implies Accept-Encoding: identity
  // Body goes to this file (created or truncated) instead of memory; resumed with Range + If-Range after a
  // break.
  std::optional<std::filesystem::path> to_file;
  // Called on the network thread with each piece of a body that goes to a file, in order and without gaps or
  // repeats even when a download was resumed: hashing happens here. Must be quick.
  std::function<void(std::string_view)> on_data;
  // Called on the network thread now and then: bytes so far, total (0: unknown). Counts the request's body if
  // there is one.
  std::function<void(std::uint64_t, std::uint64_t)> on_progress;
  std::uint64_t max_size = 256ULL << 20U;  // of a body in memory: more is an error
  int priority = 0;                        // higher first, where connections are short
  // The response will be checked against a hash from another source: plain http is good enough. Otherwise
  // plain http is refused (is_protected).
  bool vouched = false;
};

struct HttpResponse {
  int status = 0;       // 200, 206, 304, 404, … ; redirects have been followed
  Url final_url;        // after redirects, without credentials
  HttpHeaders headers;  // of the last response; names lower case
  std::string body;     // decoded; empty when it went to a file
  const std::string* header(std::string_view lower_case_name) const;
};

struct HttpOptions {
  bool offline = false;  // every request fails with Error(Offline) at once
  std::chrono::seconds connect_timeout{20};
  std::chrono::seconds stall_timeout{60};  // longest time without a byte
  RetryOptions retry;
  std::string proxy_http, proxy_https, proxy_all, no_proxy;  // as in the environment variables
  std::filesystem::path ca_file, ca_directory;               // empty: the system's
  // Sent to these origins only; nullopt: to any server that asks for one.
  std::filesystem::path client_certificate;
  std::optional<std::vector<Url>> certificate_origins = std::nullopt;
  std::vector<std::string> trusted_hosts;  // host[:port]: TLS unverified there
  std::string user_agent;
  int connections_per_host = 8;
  int requests_at_once = 50;
  // Asked for a complete "user:password" (decoded) for this URL, or nullopt: when a request has no
  // credentials of its own, and again after a 401 (then `again` is true). Called on the network thread the
  // first time, on another thread the second.
  std::function<std::optional<std::string>(const Url&, bool again)> credentials;
  // Called for each retry with its reason, on the network thread.
  std::function<void(std::string_view message)> told_of_retry;
};

// Thread-safe. Completion order is the network's. Destruction cancels what is under way and joins.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using Result = std::variant<HttpResponse, Error>;
  // `done` is called once, on the network thread (if it throws: again, with that as an Error), and must be
  // quick (hand over). Statuses are not errors; an Error is Network (after retries: refused, truncated,
  // timeout; a 5xx that did not go away is the response), Offline, Disk (to_file, out of memory) or
  // Interrupted.
  void send(HttpRequest request, std::function<void(Result)> done);
  // Block; throw the Error. get() covers most requests.
  HttpResponse exchange(HttpRequest request);
  HttpResponse get(HttpRequest request) { return exchange(std::move(request)); }

  // Requests sent so far (for tests and --timings): attempts that reached the wire.
  std::uint64_t requests_sent() const;
  std::uint64_t bytes_received() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace moat
