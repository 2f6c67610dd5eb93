#include "cli/session/http_options.h"

#include "fetch/os/variables.h"

#include <initializer_list>
#include <string_view>

namespace moat {
namespace {

// Lower case wins, as in curl.
std::string proxy(const Variables& variables, std::string_view lower, std::string_view upper) {
  const std::string value = variable(variables, lower);
  return value.empty() ? variable(variables, upper) : value;
}

std::string first_set(const Variables& variables, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (std::string value = variable(variables, name); !value.empty()) return value;
  return {};
}

}  // namespace

HttpOptions http_options(const Settings& settings, const std::vector<std::string>& trusted_hosts) {
  const Variables& variables = settings.variables;
  HttpOptions options;
  options.offline = settings.offline;
  options.proxy_http = proxy(variables, "http_proxy", "HTTP_PROXY");
  options.proxy_https = proxy(variables, "https_proxy", "HTTPS_PROXY");
  options.proxy_all = proxy(variables, "all_proxy", "ALL_PROXY");
  options.no_proxy = proxy(variables, "no_proxy", "NO_PROXY");
  options.ca_file = settings.cert.empty()
                        ? first_set(variables, {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"})
                        : settings.cert;
  options.ca_directory = variable(variables, "SSL_CERT_DIR");
  options.client_certificate = settings.client_cert;
  // It reveals who the user is. pip sends it to every server.
  if (!settings.files_as_pip) options.certificate_origins = settings.own_indexes;
  if (settings.timeout) options.connect_timeout = options.stall_timeout = *settings.timeout;
  if (settings.retries) options.retry.attempts = *settings.retries + 1;
  options.trusted_hosts = trusted_hosts;
  options.user_agent = "moat/" MOAT_VERSION;
  return options;
}

}  // namespace moat
