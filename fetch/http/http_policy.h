// What HTTP rules say about URLs and headers: pure decisions, no sockets.
#pragma once

#include "resolver/base/error.h"
#include "resolver/base/url.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// The port to connect to: the one given, else 443 or 80.
std::string effective_port(const Url& url);
// Do scheme, host and effective port agree? Credentials are sent only if they do.
bool same_origin(const Url& a, const Url& b);

bool is_redirect(int status);
// The URL that `location`, in a response of `from`, leads to. The fragment of `from` stays unless there is a
// new one; its credentials stay only within the origin. Error(Network) for schemes other than http and https,
// and for https → http unless the target is one of `trusted_hosts`.
Url follow_redirect(const Url& from, std::string_view location,
                    const std::vector<std::string>& trusted_hosts);

// `url`'s host is one of "host" or "host:port".
bool is_trusted(const Url& url, const std::vector<std::string>& trusted_hosts);

// localhost, 127.0.0.0/8, ::1.
bool is_this_machine(const Url& url);

// Responses from there cannot be changed on the way: the scheme is not http, it is this machine itself
// (localhost, 127.0.0.0/8, ::1), or a trusted host.
bool is_protected(const Url& url, const std::vector<std::string>& trusted_hosts);

// The no_proxy variable: "*", or names, .suffixes, addresses, IPv4 networks (10.0.0.0/8), each with an
// optional :port, separated by commas or spaces. A name covers its subdomains.
bool bypasses_proxy(const Url& url, std::string_view no_proxy);

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;              // inclusive
  std::optional<std::uint64_t> total;  // nullopt: "*"
};
// "bytes 0-99/1234"; nullopt for anything else, also for the unsatisfied form "bytes */1234".
std::optional<ContentRange> parse_content_range(std::string_view text);

// What a response says about caching (RFC 9111, a private cache); with no such header it is stale at once.
struct CacheRules {
  bool may_store = true;       // false: no-store, or Vary: *
  bool says_lifetime = false;  // a header mentioned it: a 304 without one keeps the old lifetime
  std::int64_t lifetime = 0;   // seconds from now for which it counts as fresh, at most a year
};
CacheRules cache_rules(const std::vector<std::pair<std::string, std::string>>& headers, std::int64_t now);

// The decoded user and password of "user:password" percent-encoded in a URL.
std::string decode_userinfo(std::string_view userinfo);

// The value of the header of that (lower-case) name, the first of several; nullptr if absent.
const std::string* find_header(const std::vector<std::pair<std::string, std::string>>& headers,
                               std::string_view lower_case_name);

// All digits and within 64 bits.
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

}  // namespace moat
