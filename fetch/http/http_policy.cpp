#include "fetch/http/http_policy.h"

#include "fetch/http/retry.h"
#include "resolver/base/text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace moat {
namespace {

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  in_addr address{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

bool in_ipv4_network(std::string_view host, std::string_view network) {
  const std::size_t slash = network.find('/');
  const auto address = parse_ipv4(host);
  const auto base = parse_ipv4(network.substr(0, slash));
  const auto bits = parse_unsigned(network.substr(slash + 1));
  if (!address || !base || !bits || *bits > 32) return false;
  if (*bits == 0) return true;
  return ((*address ^ *base) >> (32U - static_cast<unsigned>(*bits))) == 0;
}

// One entry of no_proxy against a host without brackets, lower case.
bool covers(std::string_view entry, std::string_view host, std::string_view port) {
  if (entry == "*") return true;
  if (entry.find('/') != std::string_view::npos) return in_ipv4_network(host, entry);
  // A single colon separates a port; several belong to an IPv6 address, which has a port only after brackets.
  const std::size_t bracket = entry.rfind(']');
  const std::size_t colon = entry.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        (bracket == std::string_view::npos ? entry.find(':') == colon : colon > bracket);
  if (has_port) {
    if (entry.substr(colon + 1) != port) return false;
    entry = entry.substr(0, colon);
  }
  entry = without_brackets(entry);
  if (!entry.empty() && entry.front() == '.') entry.remove_prefix(1);
  if (entry.empty() || host.size() < entry.size()) return false;
  const std::string_view tail = host.substr(host.size() - entry.size());
  if (!iequals_ascii(tail, entry)) return false;
  return host.size() == entry.size() || (host[host.size() - entry.size() - 1] == '.' && !parse_ipv4(host));
}

}  // namespace

std::string effective_port(const Url& url) {
  if (!url.port().empty()) return url.port();
  return url.scheme() == "https" ? "443" : "80";
}

bool same_origin(const Url& a, const Url& b) {
  return a.scheme() == b.scheme() && a.host() == b.host() && effective_port(a) == effective_port(b);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Url follow_redirect(const Url& from, std::string_view location,
                    const std::vector<std::string>& trusted_hosts) {
  std::string text;  // servers do write raw spaces
  for (const char c : trim(location)) text += c == ' ' ? std::string("%20") : std::string(1, c);
  const bool has_fragment = text.find('#') != std::string::npos;
  if (!has_fragment && !from.fragment().empty()) text += "#" + from.fragment();
  auto to = from.without_credentials().join(text);
  if (!to)
    throw Error(ErrorKind::Network,
                fmt::format("{} redirects to nowhere: {}", quote(from.display()), to.error().message));
  if (to->scheme() != "http" && to->scheme() != "https")
    throw Error(ErrorKind::Network, fmt::format("{} redirects to a {} URL, which is refused",
                                                quote(from.display()), quote(to->scheme())));
  if (from.scheme() == "https" && to->scheme() == "http" && !is_trusted(*to, trusted_hosts))
    throw Error(ErrorKind::Network,
                fmt::format("{} redirects from https to unprotected http at {}, which is refused",
                            quote(from.display()), quote(to->host())),
                {"if that host is meant to be trusted: --trusted-host " + to->host()});
  if (to->userinfo().empty() && same_origin(from, *to)) return to->with_userinfo(from.userinfo());
  return *to;
}

bool is_trusted(const Url& url, const std::vector<std::string>& trusted_hosts) {
  const auto names = [&url](std::string_view trusted) {
    return iequals_ascii(trusted, url.host()) || iequals_ascii(trusted, without_brackets(url.host())) ||
           iequals_ascii(trusted, url.host() + ":" + effective_port(url));
  };
  return std::any_of(trusted_hosts.begin(), trusted_hosts.end(), names);
}

bool is_this_machine(const Url& url) {
  const std::string_view host = without_brackets(url.host());
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
         in_ipv4_network(host, "127.0.0.0/8");
}

bool is_protected(const Url& url, const std::vector<std::string>& trusted_hosts) {
  return url.scheme() != "http" || is_this_machine(url) || is_trusted(url, trusted_hosts);
}

bool bypasses_proxy(const Url& url, std::string_view no_proxy) {
  const std::string_view host = without_brackets(url.host());
  const std::string port = effective_port(url);
  for (const std::string_view part : split(no_proxy, ','))
    for (const std::string_view entry : split(part, ' '))
      if (!trim(entry).empty() && covers(trim(entry), host, port)) return true;
  return false;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  text = trim(text);
  if (!iequals_ascii(text.substr(0, 5), "bytes")) return std::nullopt;
  text = trim(text.substr(5));
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_unsigned(text.substr(0, dash));
  const auto last = parse_unsigned(text.substr(dash + 1, slash - dash - 1));
  const std::string_view total_text = text.substr(slash + 1);
  const auto total = parse_unsigned(total_text);
  if (!first || !last || *last < *first || (!total && total_text != "*")) return std::nullopt;
  if (total && *last >= *total) return std::nullopt;
  return ContentRange{*first, *last, total};
}

CacheRules cache_rules(const std::vector<std::pair<std::string, std::string>>& headers, std::int64_t now) {
  constexpr std::int64_t kYear = 365LL * 24 * 3600;
  CacheRules rules;
  std::optional<std::int64_t> max_age;
  bool immutable = false;
  bool no_cache = false;
  for (const auto& [name, value] : headers) {
    if (name == "vary" && trim(value) == "*") rules.may_store = false;
    if (name != "cache-control") continue;
    for (const std::string_view part : split(value, ',')) {
      const std::size_t equals = part.find('=');
      const std::string directive = ascii_lower(trim(part.substr(0, equals)));
      std::string_view argument = equals == std::string_view::npos ? "" : trim(part.substr(equals + 1));
      if (argument.size() >= 2 && argument.front() == '"') argument = argument.substr(1, argument.size() - 2);
      if (directive == "no-store") rules.may_store = false;
      if (directive == "no-cache") no_cache = true;
      if (directive == "immutable") immutable = true;
      if (directive == "max-age")
        max_age =
            static_cast<std::int64_t>(std::min<std::uint64_t>(parse_unsigned(argument).value_or(0), kYear));
    }
  }
  const std::string* expires = find_header(headers, "expires");
  const std::string* date = find_header(headers, "date");
  if (max_age) {
    rules.lifetime = *max_age;
  } else if (immutable) {
    rules.lifetime = kYear;
  } else if (expires != nullptr) {
    const std::int64_t sent = date != nullptr ? parse_http_date(*date).value_or(now) : now;
    rules.lifetime = parse_http_date(*expires).value_or(sent) - sent;  // "0" and other oddities: in the past
  }
  rules.says_lifetime = max_age || immutable || no_cache || expires != nullptr;
  const std::string* age = find_header(headers, "age");
  if (age != nullptr)
    rules.lifetime -=
        static_cast<std::int64_t>(std::min<std::uint64_t>(parse_unsigned(*age).value_or(0), kYear));
  rules.lifetime = no_cache ? 0 : std::clamp<std::int64_t>(rules.lifetime, 0, kYear);
  return rules;
}

std::string decode_userinfo(std::string_view userinfo) {
  const std::size_t colon = userinfo.find(':');
  const std::string user = percent_decode(userinfo.substr(0, colon));
  return user + ":" + (colon == std::string_view::npos ? "" : percent_decode(userinfo.substr(colon + 1)));
}

const std::string* find_header(const std::vector<std::pair<std::string, std::string>>& headers,
                               std::string_view lower_case_name) {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return &value;
  return nullptr;
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace moat
