// Which request is sent next, where connections are short. Knows no network.
#pragma once

#include "resolver/base/url.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace moat {

// A group of requests that compete for connections.
struct Origin {
  // HTTP/2 carries any number of requests over one connection. Until the first response shows which it is,
  // only few are started; the rest wait for one handshake instead of making one each.
  enum class Protocol { Unknown, Http1, Http2 };
  Protocol protocol = Protocol::Unknown;
  int running = 0;
  // (-priority, number) of each: the most urgent first, then the one that came first.
  std::set<std::pair<int, std::uint64_t>> waiting;
};

// Requests are known by numbers that grow as they come. One thread at a time.
class RequestQueue {
 public:
  RequestQueue(int at_once, int connections_per_host)
      : at_once_(at_once), connections_per_host_(connections_per_host) {}

  // Returns its origin, which stays where it is.
  Origin& add(const Url& url, int priority, std::uint64_t number);
  // The most urgent one whose origin has room; it no longer waits. nullopt: none can be started now.
  std::optional<std::uint64_t> take();
  // Nothing waits any longer.
  void clear();

  void count_started(Origin& origin);
  void count_ended(Origin& origin);

 private:
  bool has_room(const Origin& origin) const;

  const int at_once_;
  const int connections_per_host_;
  std::unordered_map<std::string, Origin> origins_;
  int running_ = 0;
};

}  // namespace moat
