// What comes after an attempt at a request: decisions without a network. HttpClient carries them out.
#pragma once

#include "fetch/http/http.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace moat {

// How an attempt ended.
struct AttemptEnd {
  struct Broken {
    bool may_pass = false;       // it is about the network, not about this machine or certificates
    bool never_reached = false;  // the request cannot have reached the server
  };
  int status = 0;  // of the response; 0: none came
  bool has_location = false;
  bool proxy_wants_credentials = false;
  std::optional<Broken> broken = std::nullopt;  // nullopt: the response is whole
  bool may_ask_again = false;                   // after a 401, for other credentials
  bool resumed = false;                         // it asked for the rest of a download
};

enum class NextStep {
  Respond,      // give the response to the caller
  Fail,         // give the caller the reason why there is none
  RefuseProxy,  // the same; the reason is the proxy's
  Retry,        // if an attempt is left, else Fail or Respond
  Redirect,     // go where the response points
  AskAgain,     // for credentials: those that were sent, or none, are not good enough
  StartOver,    // get all of it: the server cannot resume the download
};
NextStep next_step(const HttpRequest& request, const AttemptEnd& end);

// Counts the attempts at one request.
class Attempts {
 public:
  // How long to wait before the next one; nullopt: there is none. `stored`: bytes of a download so far. One
  // that got a good deal further since the first attempt has made progress, and is counted from the start.
  std::optional<std::chrono::milliseconds> next(const RetryOptions& options, std::uint64_t stored,
                                                double jitter,
                                                std::optional<std::chrono::seconds> retry_after);
  // The one under way, or to come.
  int number() const { return number_; }

 private:
  int number_ = 1;
  std::uint64_t stored_at_first_ = 0;
};

}  // namespace moat
