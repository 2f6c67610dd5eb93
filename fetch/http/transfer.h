// One request on a libcurl handle: how it is set up, and how its callbacks work. HttpClient decides where and
// when it is sent. Everything here runs on the network thread.
#pragma once

#include "fetch/http/attempt.h"
#include "fetch/http/curl_library.h"
#include "fetch/http/http.h"
#include "fetch/http/http_body.h"
#include "fetch/http/request_queue.h"

#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace moat {

struct EasyDeleter {
  void operator()(CURL* easy) const { curl().easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl().multi_cleanup(multi); }
};
struct SlistDeleter {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using Slist = std::unique_ptr<curl_slist, SlistDeleter>;

// One request through its hops and attempts. Made by the sender; then used only by the network thread.
struct Transfer {
  Transfer(HttpRequest its_request, std::function<void(HttpClient::Result)> its_done,
           std::uint64_t its_sequence)
      : request(std::move(its_request)),
        done(std::move(its_done)),
        sequence(its_sequence),
        url(request.url) {}
  ~Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  HttpRequest request;
  std::function<void(HttpClient::Result)> done;
  const std::uint64_t sequence;  // its number in the RequestQueue
  bool admitted = false;
  BodySink sink{request};

  Url url;                                 // of this hop; userinfo: credentials that came with it
  std::optional<std::string> credentials;  // "user:password" sent on this hop
  bool asked_again = false;                // for better ones
  int hops = 0;
  Attempts attempts;

  // This attempt.
  Origin* origin = nullptr;
  Easy easy;
  Slist header_lines;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  int status = 0;
  long connect_status = 0;  // what a proxy said to CONNECT
  HttpHeaders headers;
  bool body_begun = false;
  std::uint64_t unpacked = 0;  // bytes of the body so far
  std::uint64_t sent = 0;      // bytes of the request's body so far
  std::exception_ptr failure;  // an exception from a callback

  void begin_body() {
    if (body_begun) return;
    body_begun = true;
    sink.begin(status, headers);
  }
};

// Sets all options of this attempt. REQUIRES: transfer.easy is a fresh handle. Throws Error(Network) if
// libcurl refuses one.
void configure(Transfer& transfer, const HttpOptions& options);

// Does the request bring its own Authorization to this hop?
bool has_own_authorization(const Transfer& transfer);

// "" for none.
std::string proxy_for(const Url& url, const HttpOptions& options);
// For messages: without credentials. A proxy may be written without a scheme.
std::string shown_proxy(const std::string& proxy);

// "get" or "send to", for messages.
std::string_view doing(const HttpRequest& request);

}  // namespace moat
