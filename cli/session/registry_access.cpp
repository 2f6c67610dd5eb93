#include "cli/session/registry_access.h"

#include "cli/session/http_options.h"
#include "cli/settings/index_list.h"

#include <fmt/format.h>

namespace moat {
namespace {

// In the search order of podman and skopeo: explicitly named files first.
RegistryLoginSources login_sources(const Settings& settings) {
  const Variables& variables = settings.variables;
  RegistryLoginSources out{
      .files = {}, .variables = {variables.begin(), variables.end()}, .path = variable(variables, "PATH")};
  if (const std::string file = variable(variables, "REGISTRY_AUTH_FILE"); !file.empty())
    out.files.emplace_back(file);
  if (const std::string run = variable(variables, "XDG_RUNTIME_DIR"); !run.empty())
    out.files.push_back(fs::path(run) / "containers/auth.json");
  const std::string config = variable(variables, "XDG_CONFIG_HOME");
  out.files.push_back((config.empty() ? settings.home / ".config" : fs::path(config)) /
                      "containers/auth.json");
  const std::string docker = variable(variables, "DOCKER_CONFIG");
  out.files.push_back((docker.empty() ? settings.home / ".docker" : fs::path(docker)) / "config.json");
  return out;
}

std::optional<RegistryLogin> netrc_login(const std::string& host, const Settings& settings,
                                         Reporter& reporter) {
  const auto url = Url::parse("https://" + host + "/");
  if (!url) return std::nullopt;
  const std::string netrc = variable(settings.variables, "NETRC");
  CredentialOptions options;
  options.users = {*url};
  options.netrc = netrc.empty() ? settings.home / ".netrc" : fs::path(netrc);
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
    if (auto found =
            find_registry_login(reference.host, reference.repository, login_sources(session.settings()),
                                session.reporter(), session.stop()))
      return found;
    return netrc_login(reference.host, session.settings(), session.reporter());
  };
  registry_ = std::make_unique<Registry>(
      RegistryOptions{.reference = reference, .login = login, .trusted_hosts = trusted, .pushes = pushes},
      *http_, session.reporter(), session.stop());
}

}  // namespace moat
