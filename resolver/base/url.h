// A URL (RFC 3986) as far as packages need it: parse, resolve against a base, show without credentials.
#pragma once

#include "resolver/base/error.h"

#include <string>
#include <string_view>

namespace moat {

// e.g. https://user:secret@host.example:8443/simple/foo/?a=b#sha256=…
// Components are kept as written (still percent-encoded); scheme and host are lower case. Immutable value.
// Equality is textual. A file URL has an empty host (or `localhost`, dropped).
class Url {
 public:
  // Needs a scheme. Spaces and control characters are refused, other odd characters kept.
  static Expected<Url> parse(std::string_view text);
  // file:///… for an absolute path (percent-encoded as needed).
  static Url from_path(std::string_view absolute_path);

  const std::string& scheme() const { return scheme_; }
  const std::string& userinfo() const { return userinfo_; }  // "user:secret", percent-encoded; may be empty
  const std::string& host() const { return host_; }          // IPv6 literals keep their brackets
  const std::string& port() const { return port_; }          // empty when not given
  const std::string& path() const { return path_; }
  const std::string& query() const { return query_; }        // without '?'
  const std::string& fragment() const { return fragment_; }  // without '#'

  // RFC 3986 section 5.2: `reference` as found in a page at this URL.
  Expected<Url> join(std::string_view reference) const;

  Url without_fragment() const;
  Url without_credentials() const;
  Url with_userinfo(std::string_view userinfo) const;

  // scheme://host[:port]: connections, credentials and trust decisions apply to this.
  std::string origin() const;
  // Last path segment, percent-decoded once.
  std::string last_segment() const;
  // REQUIRES: scheme is file. The path, percent-decoded.
  std::string file_path() const;

  // The whole text, credentials included: for requests only, never shown.
  std::string to_string() const;
  // For messages, logs and locks: credentials become ****.
  std::string display() const;

  friend bool operator==(const Url&, const Url&) = default;
  friend auto operator<=>(const Url&, const Url&) = default;

 private:
  std::string scheme_, userinfo_, host_, port_, path_, query_, fragment_;
  bool has_authority_ = false;
};

// One round of percent-decoding; malformed escapes stay as they are.
std::string percent_decode(std::string_view text);
// Everything but unreserved characters and '/' becomes %XX.
std::string percent_encode_path(std::string_view path);

}  // namespace moat
