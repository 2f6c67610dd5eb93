#include "fetch/http/transfer_end.h"

#include "fetch/http/http_policy.h"
#include "fetch/http/retry.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace moat {
namespace {

// A libcurl failure that is worth a retry: of the network, not of this machine or of certificates.
bool is_retryable(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_PROXY:
      return true;
    default:
      return false;
  }
}

// The request cannot have reached the server.
bool never_reached(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
         code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR;
}

std::vector<std::string> hints_for(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return {"behind a company's own authority, name its certificates: SSL_CERT_FILE=/path/to/ca.pem"};
    case CURLE_COULDNT_RESOLVE_HOST:
      return {"is this machine online? `--offline` uses what is stored"};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {"look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"};
    default:
      return {};
  }
}

constexpr long kProxyWantsCredentials = 407;

}  // namespace

AttemptEnd end_of(const Transfer& transfer, CURLcode code, bool may_ask_again) {
  AttemptEnd end{.status = transfer.status,
                 .has_location = find_header(transfer.headers, "location") != nullptr,
                 .may_ask_again = may_ask_again,
                 .resumed = transfer.sink.asked_to_resume()};
  end.proxy_wants_credentials =
      transfer.status == kProxyWantsCredentials || transfer.connect_status == kProxyWantsCredentials;
  if (code != CURLE_OK)
    end.broken = AttemptEnd::Broken{.may_pass = is_retryable(code), .never_reached = never_reached(code)};
  return end;
}

std::string reason_of_break(const Transfer& transfer, CURLcode code) {
  const std::string_view detail = transfer.error_text.data();
  return std::string(detail.empty() ? curl().easy_strerror(code) : trim(detail));
}

Error break_error(const Transfer& transfer, CURLcode code, const HttpOptions& options) {
  std::string message = fmt::format("cannot {} {}: {}", doing(transfer.request),
                                    quote(transfer.request.url.display()), reason_of_break(transfer, code));
  if (const std::string proxy = proxy_for(transfer.url, options); !proxy.empty())
    message += fmt::format(" (through {})", shown_proxy(proxy));
  if (transfer.url.host() != transfer.request.url.host())
    message += fmt::format(" (redirected to {})", quote(transfer.url.host()));
  return Error(ErrorKind::Network, message, hints_for(code));
}

Error proxy_refuses(const Transfer& transfer, const HttpOptions& options) {
  const std::string& scheme = transfer.url.scheme();
  return Error(
      ErrorKind::Network,
      fmt::format("cannot get {}: {} wants credentials (407)", quote(transfer.request.url.display()),
                  shown_proxy(proxy_for(transfer.url, options))),
      {fmt::format("give them in the proxy's URL: {}_proxy=http://USER:PASSWORD@HOST:PORT", scheme)});
}

std::optional<std::chrono::seconds> retry_after(const Transfer& transfer) {
  const std::string* value = find_header(transfer.headers, "retry-after");
  if (value == nullptr) return std::nullopt;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return parse_retry_after(*value, std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

Url redirect_target(const Transfer& transfer, const std::vector<std::string>& trusted_hosts) {
  Url next = follow_redirect(transfer.url, *find_header(transfer.headers, "location"), trusted_hosts);
  if (transfer.request.body_is_secret && !same_origin(transfer.url, next))
    throw Error(ErrorKind::Refused,
                fmt::format("{} redirects to {}; the credentials are not sent to another host",
                            quote(transfer.url.display()), quote(next.host())),
                {"use the address that it redirects to, if you trust it"});
  return next;
}

HttpResponse take_response(Transfer& transfer) {
  transfer.begin_body();  // where there was none
  transfer.sink.finish();
  HttpResponse response;
  response.status = transfer.sink.overall_status(transfer.status);
  response.final_url = transfer.url.without_credentials();
  response.headers = std::move(transfer.headers);
  response.body = transfer.sink.take_body();
  return response;
}

}  // namespace moat
