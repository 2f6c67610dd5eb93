#include "fetch/http/attempt.h"

#include "fetch/http/http_policy.h"
#include "fetch/http/retry.h"

namespace moat {
namespace {

constexpr int kTooMany = 429;
constexpr std::uint64_t kProgressWorthNewAttempts = 1ULL << 20U;

// Other redirects would turn the request into a GET.
bool may_redirect(const HttpRequest& request, int status) {
  if (!is_redirect(status)) return false;
  return request.method == "GET" || request.method == "HEAD" || status == 307 || status == 308;
}

}  // namespace

NextStep next_step(const HttpRequest& request, const AttemptEnd& end) {
  if (end.proxy_wants_credentials) return NextStep::RefuseProxy;
  if (end.broken) {
    const bool may_repeat = !request.once || end.broken->never_reached;
    return end.broken->may_pass && may_repeat ? NextStep::Retry : NextStep::Fail;
  }
  if (end.has_location && may_redirect(request, end.status)) return NextStep::Redirect;
  if (end.may_ask_again) return NextStep::AskAgain;
  if (end.status == 416 && end.resumed) return NextStep::StartOver;
  // Who sent too many was not listened to.
  const bool may_repeat = !request.once || end.status == kTooMany;
  return is_retryable_status(end.status) && may_repeat ? NextStep::Retry : NextStep::Respond;
}

std::optional<std::chrono::milliseconds> Attempts::next(const RetryOptions& options, std::uint64_t stored,
                                                        double jitter,
                                                        std::optional<std::chrono::seconds> retry_after) {
  if (stored >= stored_at_first_ + kProgressWorthNewAttempts) {
    stored_at_first_ = stored;
    number_ = 1;
  }
  return retry_delay(options, ++number_, jitter, retry_after);
}

}  // namespace moat
