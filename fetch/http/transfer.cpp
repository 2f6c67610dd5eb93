#include "fetch/http/transfer.h"

#include "fetch/http/http_policy.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>

namespace moat {
namespace {

// Bytes a second: a slower transfer counts as stalled after the stall timeout. Pages, which commands wait
// for, must also be complete within this many stall timeouts.
constexpr long kSlowest = 100;
constexpr long kStallsOfAPage = 10;

// The largest allowed expansion of a compressed body. Honest pages reach 30.
constexpr std::uint64_t kMostExpansion = 200;
constexpr std::uint64_t kSmallBody = 1ULL << 20U;
// 0x20 and above, no line ends: safe in a header as it is.
bool is_header_safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

void append(Slist& list, const std::string& line) {
  curl_slist* longer = curl().slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());  // the longer one owns it
  list.reset(longer);
}

// "HTTP/1.1 200 OK" or "HTTP/2 200"
int status_of(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  return static_cast<int>(parse_unsigned(line.substr(space + 1, 3)).value_or(0));
}

void take_header_line(Transfer& transfer, std::string_view line) {
  if (line.substr(0, 5) == "HTTP/") {  // also after an interim 100 or 103
    transfer.status = status_of(line);
    transfer.headers.clear();
    transfer.origin->protocol =
        line.substr(0, 6) == "HTTP/2" ? Origin::Protocol::Http2 : Origin::Protocol::Http1;
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || transfer.body_begun) return;  // the empty line; trailers
  transfer.headers.emplace_back(ascii_lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
}

// C callbacks: nothing may be thrown through libcurl. The exception is kept in `failure`; returning a short
// count ends the transfer.
template <class F>
std::size_t guard_callback(Transfer& transfer, std::size_t count, F&& body) noexcept {
  try {
    body();
    return count;
  } catch (...) {
    transfer.failure = std::current_exception();
    return count == 0 ? 1 : 0;
  }
}

// libcurl unpacks Content-Encoding, and knows the number of bytes received.
void check_expansion(Transfer& transfer, std::size_t piece) {
  transfer.unpacked += piece;
  if (transfer.unpacked < kSmallBody) return;
  curl_off_t sent = 0;
  curl().easy_getinfo(transfer.easy.get(), CURLINFO_SIZE_DOWNLOAD_T, &sent);
  if (transfer.unpacked / kMostExpansion > static_cast<std::uint64_t>(sent))
    throw Error(ErrorKind::Network, fmt::format("cannot use {}: it unpacks to more than {} times its size",
                                                quote(transfer.url.display()), kMostExpansion));
}

// The next piece of the request's body; nothing after its end.
std::size_t read_body(Transfer& transfer, char* to, std::size_t room) {
  const HttpBody& body = *transfer.request.body;
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(room, body.size - transfer.sent));
  const std::size_t count = most == 0 ? 0 : body.read(transfer.sent, to, most);
  transfer.sent += count;
  if (transfer.request.on_progress) transfer.request.on_progress(transfer.sent, body.size);
  return count;
}

extern "C" {
std::size_t moat_on_read(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::size_t got = 0;
  const std::size_t good =
      guard_callback(transfer, 1, [&] { got = read_body(transfer, data, size * count); });
  return good == 1 ? got : std::size_t{CURL_READFUNC_ABORT};
}

// libcurl rewinds the body when a reused connection turns out to be closed.
int moat_on_seek(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Transfer*>(user)->sent = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

std::size_t moat_on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  return guard_callback(transfer, size * count, [&] { take_header_line(transfer, {data, size * count}); });
}

std::size_t moat_on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  return guard_callback(transfer, size * count, [&] {
    transfer.begin_body();
    check_expansion(transfer, size * count);
    transfer.sink.write({data, size * count});
  });
}
}

template <class T>
void set(CURL* easy, CURLoption option, T value) {
  if (curl().easy_setopt(easy, option, value) != CURLE_OK)
    throw Error(ErrorKind::Network,
                fmt::format("the network library refuses option {}", static_cast<int>(option)));
}

void set_text(CURL* easy, CURLoption option, const std::string& value) { set(easy, option, value.c_str()); }

void set_proxy(CURL* easy, const Url& url, const HttpOptions& options) {
  // Set even when empty: libcurl would look into the environment otherwise.
  set_text(easy, CURLOPT_PROXY, proxy_for(url, options));
  set_text(easy, CURLOPT_NOPROXY, "");
}

bool shows_certificate(const Url& url, const HttpOptions& options) {
  if (options.client_certificate.empty()) return false;
  const auto& origins = options.certificate_origins;
  return !origins || std::any_of(origins->begin(), origins->end(),
                                 [&](const Url& origin) { return same_origin(origin, url); });
}

void set_tls(CURL* easy, const Url& url, const HttpOptions& options) {
  if (!options.ca_file.empty() || !options.ca_directory.empty()) {
    // Named certificates replace those of the system.
    set(easy, CURLOPT_CAINFO, options.ca_file.empty() ? nullptr : options.ca_file.c_str());
    set(easy, CURLOPT_CAPATH, options.ca_directory.empty() ? nullptr : options.ca_directory.c_str());
  }
  if (shows_certificate(url, options)) set(easy, CURLOPT_SSLCERT, options.client_certificate.c_str());
  if (is_trusted(url, options.trusted_hosts)) {
    set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

Slist header_lines(const Transfer& transfer, const HttpHeaders& range) {
  Slist lines;
  const bool at_home = same_origin(transfer.request.url, transfer.url);
  for (const auto& [name, value] : transfer.request.headers) {
    const bool secret = iequals_ascii(name, "authorization") || iequals_ascii(name, "cookie");
    if (secret && !at_home) continue;
    if (is_header_safe(name) && is_header_safe(value)) append(lines, name + ": " + value);
  }
  for (const auto& [name, value] : range) append(lines, name + ": " + value);
  // Do not wait for "100 Continue" before the body: the server can refuse it at any time anyway.
  if (transfer.request.body) append(lines, "Expect:");
  if (transfer.request.range || transfer.request.to_file) append(lines, "Accept-Encoding: identity");
  return lines;
}

void set_credentials(CURL* easy, const std::optional<std::string>& credentials) {
  if (!credentials) return;
  const std::size_t colon = credentials->find(':');
  set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
  set_text(easy, CURLOPT_USERNAME, credentials->substr(0, colon));
  set_text(easy, CURLOPT_PASSWORD, colon == std::string::npos ? "" : credentials->substr(colon + 1));
}

void set_method(Transfer& transfer) {
  CURL* easy = transfer.easy.get();
  const HttpRequest& request = transfer.request;
  if (request.body) {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->size));
    set(easy, CURLOPT_READFUNCTION, &moat_on_read);
    set(easy, CURLOPT_READDATA, static_cast<void*>(&transfer));
    set(easy, CURLOPT_SEEKFUNCTION, &moat_on_seek);
    set(easy, CURLOPT_SEEKDATA, static_cast<void*>(&transfer));
  }
  // On a reused connection libcurl sends again by itself if the server closes it without an answer.
  if (request.once) set(easy, CURLOPT_FRESH_CONNECT, 1L);
  if (request.method == "HEAD")
    set(easy, CURLOPT_NOBODY, 1L);
  else if (request.method != "GET")
    set_text(easy, CURLOPT_CUSTOMREQUEST, request.method);
}

}  // namespace

bool has_own_authorization(const Transfer& transfer) {
  if (!same_origin(transfer.request.url, transfer.url)) return false;
  return std::any_of(transfer.request.headers.begin(), transfer.request.headers.end(),
                     [](const auto& header) { return iequals_ascii(header.first, "authorization"); });
}

std::string proxy_for(const Url& url, const HttpOptions& options) {
  const std::string& own = url.scheme() == "https" ? options.proxy_https : options.proxy_http;
  return bypasses_proxy(url, options.no_proxy) ? "" : own.empty() ? options.proxy_all : own;
}

std::string shown_proxy(const std::string& proxy) {
  const auto url = Url::parse(proxy.find("://") == std::string::npos ? "http://" + proxy : proxy);
  return url ? "the proxy " + quote(url->without_credentials().to_string()) : "the proxy";
}

std::string_view doing(const HttpRequest& request) { return request.body ? "send to" : "get"; }

void configure(Transfer& transfer, const HttpOptions& options) {
  CURL* easy = transfer.easy.get();
  set(easy, CURLOPT_PRIVATE, static_cast<void*>(&transfer));
  set(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  set(easy, CURLOPT_QUICK_EXIT, 1L);  // else the end would wait for a name server that does not answer
#endif
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set_text(easy, CURLOPT_URL, transfer.url.without_credentials().without_fragment().to_string());
  set(easy, CURLOPT_PATH_AS_IS, 1L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  const bool may_share =
      transfer.url.scheme() == "https" && transfer.origin->protocol != Origin::Protocol::Http1;
  set(easy, CURLOPT_PIPEWAIT, may_share ? 1L : 0L);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  set(easy, CURLOPT_LOW_SPEED_LIMIT, kSlowest);
  set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
  if (!transfer.request.to_file && !transfer.request.body)
    set(easy, CURLOPT_TIMEOUT, static_cast<long>(options.stall_timeout.count()) * kStallsOfAPage);
  set(easy, CURLOPT_BUFFERSIZE, 131072L);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_ERRORBUFFER, transfer.error_text.data());
  set(easy, CURLOPT_HEADERFUNCTION, &moat_on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(easy, CURLOPT_WRITEFUNCTION, &moat_on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  if (!options.user_agent.empty()) set_text(easy, CURLOPT_USERAGENT, options.user_agent);
  if (!transfer.request.range && !transfer.request.to_file) set(easy, CURLOPT_ACCEPT_ENCODING, "");
  transfer.header_lines = header_lines(transfer, transfer.sink.range_headers());
  set(easy, CURLOPT_HTTPHEADER, transfer.header_lines.get());
  set_method(transfer);
  set_credentials(easy, transfer.credentials);
  set_proxy(easy, transfer.url, options);
  set_tls(easy, transfer.url, options);
}

}  // namespace moat
