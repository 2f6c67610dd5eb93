// How this user's requests are made: proxies, certificates, time limits, as settings and variables say.
#pragma once

#include "cli/settings/settings.h"
#include "fetch/http/http.h"

#include <string>
#include <vector>

namespace moat {

// Without credentials; retries are not reported.
HttpOptions http_options(const Settings& settings, const std::vector<std::string>& trusted_hosts);

}  // namespace moat
