// A real HTTP/1.1 server on 127.0.0.1 for tests: routes in memory, faults on demand, every request
// remembered.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/file.h"
#include "resolver/base/url.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace moat::testing {

struct LoopbackRequest {
  std::string method;
  std::string path;  // without the query
  std::string query;
  HttpHeaders headers;  // names lower case
  std::string body;
  std::string header(std::string_view lower_case_name) const;  // "" if absent
};

struct LoopbackReply {
  int status = 200;
  HttpHeaders headers;  // Content-Length is added, unless `chunked` or given
  std::string body;
  bool chunked = false;
  std::optional<std::size_t> cut_after;  // so many bytes of the body, then the connection ends
  bool reset = false;                    // a cut connection is reset (RST) instead of closed
};

// A page or file with the manners of a good server, and faults for the first requests.
struct LoopbackResource {
  std::string body;
  std::string content_type = "application/octet-stream";
  HttpHeaders headers;        // more of them
  std::string etag;           // with quotes; answers If-None-Match and If-Range
  std::string last_modified;  // answers If-Modified-Since (by equality)
  std::string cache_control;
  bool ranges = true;         // false: Range is ignored
  std::string user_password;  // "user:password": basic authorization required, else 401

  int failures = 0;           // so many requests fail first …
  int failure_status = 503;   // … with this status
  std::string retry_after;    // … and this header
  int cuts = 0;               // so many answers end early …
  std::size_t cut_after = 0;  // … after so many bytes of what they send
  bool reset = false;         // … by RST
};

// Thread-safe; handlers run on the connection's thread, several at once. Keep-alive.
class LoopbackServer {
 public:
  using Handler = std::function<LoopbackReply(const LoopbackRequest&)>;

  LoopbackServer();
  ~LoopbackServer();  // ends connections, joins; handlers that wait must have been released
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::uint16_t port() const { return port_; }
  // http://127.0.0.1:PORT + path
  std::string address(std::string_view path = "") const;
  Url url(std::string_view path) const;

  // A path not routed is 404.
  void route(const std::string& path, Handler handler);
  void serve(const std::string& path, LoopbackResource resource);
  void serve_page(const std::string& path, std::string body, std::string content_type = "text/html");
  void redirect(const std::string& path, std::string location, int status = 302);

  std::vector<LoopbackRequest> requests() const;
  std::vector<LoopbackRequest> requests(std::string_view path) const;
  std::size_t count(std::string_view path) const { return requests(path).size(); }
  std::size_t connections() const;

 private:
  void accept_loop();
  void serve_connection(int fd);
  LoopbackReply answer(const LoopbackRequest& request);

  UniqueFd listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::map<std::string, Handler, std::less<>> routes_;
  std::vector<LoopbackRequest> requests_;
  std::vector<UniqueFd> connections_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace moat::testing
