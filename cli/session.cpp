#include "cli/session.h"

#include "fetch/os/process.h"

#include <utility>

namespace moat {
namespace {

// Lower case wins, as with curl.
std::string proxy(const Variables& variables, std::string_view lower, std::string_view upper) {
  const std::string value = variable(variables, lower);
  return value.empty() ? variable(variables, upper) : value;
}

std::string first_set(const Variables& variables, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (std::string value = variable(variables, name); !value.empty()) return value;
  return {};
}

HttpOptions http_options(const Settings& settings) {
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
  options.trusted_hosts = settings.trusted_hosts;
  options.user_agent = "moat/" MOAT_VERSION;
  return options;
}

CredentialOptions credential_options(const Settings& settings, const IndexList& indexes) {
  CredentialOptions options;
  for (const Index& index : indexes.indexes) options.indexes.push_back(index.url);
  const std::string netrc = variable(settings.variables, "NETRC");
  options.netrc = netrc.empty() ? settings.home / ".netrc" : fs::path(netrc);
  if (const auto keyring = find_program("keyring", variable(settings.variables, "PATH")))
    options.keyring = *keyring;
  return options;
}

}  // namespace

Session::Session(Settings settings, std::string command_line, Output& output, Progress& progress,
                 std::stop_token stop)
    : settings_(std::move(settings)),
      command_line_(std::move(command_line)),
      output_(output),
      progress_(progress),
      stop_(std::move(stop)) {
  for (const std::string& warning : settings_.warnings) output_.warn(warning);
}

Session::~Session() = default;

Store& Session::store() {
  if (!store_) store_ = std::make_unique<Store>(settings_.store_dir);
  return *store_;
}

Workers& Session::workers() {
  if (!workers_) workers_ = std::make_unique<Workers>();
  return *workers_;
}

HttpClient& Session::http() { return http(index_list(settings_)); }

HttpClient& Session::http(const IndexList& indexes) {
  if (http_) return *http_;
  credentials_ = std::make_unique<Credentials>(credential_options(settings_, indexes), progress_, stop_);
  HttpOptions options = http_options(settings_);
  options.credentials = [this](const Url& url, bool again) { return credentials_->find(url, again); };
  http_ = std::make_unique<HttpClient>(std::move(options));
  return *http_;
}

std::unique_ptr<IndexSource> Session::index_source(const IndexList& indexes) {
  return std::make_unique<IndexSource>(index_options(indexes), http(indexes), store(), workers(), progress_,
                                       stop_);
}

IndexSourceOptions Session::index_options(const IndexList& indexes) const {
  IndexSourceOptions options{.indexes = indexes, .offline = settings_.offline, .refresh = settings_.refresh};
  options.refresh_packages.insert(settings_.refresh_packages.begin(), settings_.refresh_packages.end());
  options.sources = sources_.get();
  options.source_policy = source_policy_;
  return options;
}

void Session::use_sources(const IndexList& indexes, SourcePolicy policy) {
  GitOptions git{.path = variable(settings_.variables, "PATH"),
                 .environment = {settings_.variables.begin(), settings_.variables.end()},
                 .offline = settings_.offline};
  if (!sources_) sources_ = std::make_unique<Sources>(http(indexes), store(), progress_, std::move(git));
  source_policy_ = std::move(policy);
}

SourceBuilder& Session::keep_builder(std::unique_ptr<SourceBuilder> builder) {
  builder_ = std::move(builder);
  return *builder_;
}

Interpreter Session::chosen_interpreter(const std::optional<SpecifierSet>& requires_python) {
  if (settings_.python) return find_interpreter(*settings_.python, discovery(), store());
  return default_interpreter(discovery(), store(), requires_python);
}

DiscoveryOptions Session::discovery() const {
  DiscoveryOptions options;
  options.path = variable(settings_.variables, "PATH");
  options.home = settings_.home;
  options.pyenv_root = variable(settings_.variables, "PYENV_ROOT");
  options.pyenv_version = variable(settings_.variables, "PYENV_VERSION");
  options.working_directory = settings_.working_directory;
  return options;
}

}  // namespace moat
