// Index pages kept on disk according to HTTP's rules (RFC 9111, a private cache).
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/workers.h"
#include "resolver/base/error.h"
#include "resolver/base/url.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace moat {

struct CacheRequest {
  Url url;
  std::string accept;    // the Accept header; part of the key
  bool refresh = false;  // ask the server even where the entry is fresh
  int priority = 0;      // as in HttpRequest
  std::uint64_t max_size = 256ULL << 20U;
  // Called on a worker with the validator of a stored page, before its body is read: true means that the
  // caller still has its result for that body, and the page comes with body_skipped. May be empty.
  std::function<bool(std::string_view validator)> has_digested;
};

struct CachedPage {
  int status = 0;            // 200, 404, 410, or whatever else the server said (never stored)
  Url final_url;             // after redirects: the base of relative links
  std::string content_type;  // as the server wrote it; may be empty
  std::string body;
  bool body_skipped = false;  // see has_digested
  bool from_cache = false;    // no body was transferred: fresh, confirmed by 304, or offline
  std::string validator;      // of a 200: "sha256:…" of the body; equal validators, equal bodies
};

struct HttpCacheOptions {
  bool offline = false;  // stored pages count as fresh for ever; what is not stored is Error(Offline)
  bool refresh = false;  // CacheRequest::refresh for all
  std::function<std::int64_t()> now;  // unix seconds; empty: the system's clock
};

// One small head and one body file a page, both renamed into place: safe between processes, and a damaged
// entry counts as absent. A cache that cannot be written is not an error. 404 and 410 are remembered for a
// minute. Thread-safe. REQUIRES: http and workers outlive it.
class HttpCache {
 public:
  HttpCache(std::filesystem::path directory, HttpClient& http, Workers& workers,
            HttpCacheOptions options = {});
  // Waits for running callbacks; none is called afterwards. Pending requests are forgotten.
  ~HttpCache();
  HttpCache(const HttpCache&) = delete;
  HttpCache& operator=(const HttpCache&) = delete;

  using Result = std::variant<CachedPage, Error>;
  // `done` is called once, on a worker: it may parse, but must not wait for other units of the pool.
  void fetch(CacheRequest request, std::function<void(Result)> done);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace moat
