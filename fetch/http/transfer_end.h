// What the end of a transfer means: its outcome in our terms, where it leads, and the sentences about it.
#pragma once

#include "fetch/http/attempt.h"
#include "fetch/http/transfer.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// `may_ask_again`: see AttemptEnd.
AttemptEnd end_of(const Transfer& transfer, CURLcode code, bool may_ask_again);

// Why it broke, as a clause: what libcurl says.
std::string reason_of_break(const Transfer& transfer, CURLcode code);
Error break_error(const Transfer& transfer, CURLcode code, const HttpOptions& options);
Error proxy_refuses(const Transfer& transfer, const HttpOptions& options);

// What the server wishes with Retry-After.
std::optional<std::chrono::seconds> retry_after(const Transfer& transfer);

// Where its redirect leads. REQUIRES: NextStep::Redirect. Error(Refused) if a secret would go to another
// host; Error(Network) as follow_redirect gives it.
Url redirect_target(const Transfer& transfer, const std::vector<std::string>& trusted_hosts);

// Moves headers and body out of it.
HttpResponse take_response(Transfer& transfer);

}  // namespace moat
