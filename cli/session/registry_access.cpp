#include "cli/session/registry_access.h"

#include "cli/session/http_options.h"
#include "cli/settings/index_list.h"

#include <fmt/format.h>

namespace moat {
namespace {

std::optional<RegistryLogin> netrc_login(const std::string& host, const Settings& settings,
                                         Reporter& reporter) {
  const auto url = Url::parse("https://" + host + "/");
  if (!url) return std::nullopt;
  CredentialOptions options;
  options.users = {*url};
  options.netrc = netrc_file(settings.variables, settings.home);
  Credentials credentials(std::move(options), reporter);
  const auto found = credentials.find(*url, false);
  if (!found) return std::nullopt;
  const std::size_t colon = found->find(':');
  return RegistryLogin{found->substr(0, colon), found->substr(colon + 1), ""};
}

}  // namespace

RegistryReference registry_reference(const std::string& text) {
  Expected<RegistryReference> reference = RegistryReference::parse(text);
  if (!reference)
    throw Error(ErrorKind::Usage, fmt::format("`{}`: {}", text, reference.error().message),
                {"oci://registry.example/team/shop:2.1"});
  return std::move(*reference);
}

RegistryAccess::RegistryAccess(const RegistryReference& reference, bool pushes, Session& session) {
  const Settings& settings = session.settings();
  HttpOptions options = http_options(settings, index_list(settings).trusted_hosts);
  // A --client-cert on the command line is meant for this registry.
  options.certificate_origins.reset();
  options.told_of_retry = [&session](std::string_view message) { session.reporter().note(message); };
  const std::vector<std::string> trusted = options.trusted_hosts;
  http_ = std::make_unique<HttpClient>(std::move(options));
  const auto login = [&session, reference]() -> std::optional<RegistryLogin> {
    const Settings& now = session.settings();
    if (auto found = find_registry_login(reference.host, reference.repository,
                                         registry_login_sources(now.variables, now.home), session.reporter(),
                                         session.stop()))
      return found;
    return netrc_login(reference.host, session.settings(), session.reporter());
  };
  registry_ = std::make_unique<Registry>(
      RegistryOptions{.reference = reference, .login = login, .trusted_hosts = trusted, .pushes = pushes},
      *http_, session.reporter(), session.stop());
}

}  // namespace moat
