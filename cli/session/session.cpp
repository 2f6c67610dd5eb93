#include "cli/session/session.h"

#include "cli/output/terminal_text.h"
#include "cli/session/http_options.h"
#include "cli/session/python_installs.h"
#include "cli/settings/index_list.h"
#include "fetch/index/known_advisories.h"
#include "fetch/os/ownership.h"
#include "fetch/os/process.h"
#include "fetch/os/terminal.h"

#include <fmt/format.h>

#include <utility>

namespace moat {
namespace {

std::vector<Url> urls_of(const IndexList& indexes) {
  std::vector<Url> urls;
  for (const Index& index : indexes.indexes) urls.push_back(index.url);
  return urls;
}

CredentialOptions credential_options(const Settings& settings, const IndexList& indexes) {
  CredentialOptions options;
  options.indexes = urls_of(indexes);
  options.users = settings.own_indexes;
  options.netrc = netrc_file(settings.variables, settings.home);
  if (const auto keyring = find_program("keyring", variable(settings.variables, "PATH")))
    options.keyring = *keyring;
  return options;
}

// "user:password" from the person at the terminal.
std::optional<std::string> ask_for_password(const std::string& place, std::string user, Output& output,
                                            const std::stop_token& stop) {
  output.hold_live(true);
  std::optional<std::string> password;
  if (user.empty())
    user = ask_terminal(for_terminal("User for " + place + ": "), Echo::On, stop).value_or("");
  if (!user.empty())
    password = ask_terminal(for_terminal("Password of " + user + " for " + place + ": "), Echo::Off, stop);
  output.hold_live(false);
  if (!password) return std::nullopt;
  return user + ":" + *password;
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
  if (store_) return *store_;
  store_ = std::make_unique<Store>(settings_.store_dir);
  if (settings_.refresh && !settings_.offline) store_->urls().doubt();
  return *store_;
}

Workers& Session::workers() {
  if (!workers_) workers_ = std::make_unique<Workers>();
  return *workers_;
}

HttpClient& Session::http(const IndexList& indexes) {
  // A requirements file names indexes of its own, and may itself have come from the web.
  IndexKey key{urls_of(indexes), indexes.trusted_hosts};
  for (const Network& known : network_)
    if (known.key == key) return *known.http;
  Network& network = network_.emplace_back();
  network.key = std::move(key);
  CredentialOptions sources = credential_options(settings_, indexes);
  if (!settings_.no_input && !output_.json() && someone_is_there())
    sources.prompt = [this](const std::string& place, const std::string& user) {
      return ask_for_password(place, user, output_, stop_);
    };
  network.credentials = std::make_unique<Credentials>(std::move(sources), progress_, stop_);
  HttpOptions options = http_options(settings_, indexes.trusted_hosts);
  options.credentials = [known = network.credentials.get()](const Url& url, bool again) {
    return known->find(url, again);
  };
  options.told_of_retry = [this](std::string_view message) { progress_.note(message); };
  network.http = std::make_unique<HttpClient>(std::move(options));
  return *network.http;
}

namespace {

// pip's settings that the user may expect to apply here.
std::string unheeded_pip_variables(const Settings& settings) {
  const bool names_indexes = settings.index_url || !settings.extra_index_urls.empty() ||
                             !settings.indexes.empty() || settings.no_index || !settings.find_links.empty();
  std::string out;
  if (names_indexes) return out;
  for (const std::string_view name :
       {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST"})
    if (!variable(settings.variables, name).empty()) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

}  // namespace

KnownAdvisories& Session::advisories() {
  if (advisories_) return *advisories_;
  std::optional<fs::path> folder;
  if (!settings_.advisories.empty()) folder = settings_.working_directory / settings_.advisories;
  advisories_ = std::make_unique<KnownAdvisories>(folder, progress_);
  return *advisories_;
}

void Session::warn_of_unheeded() const {
  if (const std::string unheeded = unheeded_pip_variables(settings_); !unheeded.empty())
    output_.warn(unheeded +
                 ": only pip and `moat pip` obey this; `moat config import-pip` takes pip's settings over");
}

std::unique_ptr<IndexSource> Session::index_source(const IndexList& indexes) {
  warn_of_unheeded();
  return std::make_unique<IndexSource>(index_options(indexes), http(indexes), store(), workers(), progress_,
                                       stop_);
}

IndexSourceOptions Session::index_options(const IndexList& indexes) const {
  IndexSourceOptions options{.indexes = indexes, .offline = settings_.offline, .refresh = settings_.refresh};
  options.refresh_packages.insert(settings_.refresh_packages.begin(), settings_.refresh_packages.end());
  options.sources = sources_.sources.get();
  options.source_policy = sources_.policy;
  return options;
}

SourceSetup& Session::use_sources(const IndexList& indexes) {
  if (sources_.sources) return sources_;
  GitOptions git{.path = variable(settings_.variables, "PATH"),
                 .environment = {settings_.variables.begin(), settings_.variables.end()},
                 .offline = settings_.offline};
  // git's own variable wins, as its settings do.
  if (!settings_.cert.empty() && variable(settings_.variables, "GIT_SSL_CAINFO").empty())
    git.environment.emplace_back("GIT_SSL_CAINFO", settings_.cert);
  sources_.sources = std::make_unique<Sources>(http(indexes), store(), progress_, std::move(git));
  return sources_;
}

namespace {

// The SPEC that no installed Python matched; "" if there was none, or it is not a version.
std::string missing_spec(const Settings& settings, const std::optional<SpecifierSet>& requires_python) {
  if (settings.python) return *settings.python;
  if (const std::vector<std::string> pins = pinned_specs(settings.working_directory);
      settings.heeds_project && !pins.empty())
    return pins.front();
  return requires_python ? requires_python->to_string() : "3";
}

}  // namespace

Interpreter Session::chosen_interpreter(const std::optional<SpecifierSet>& requires_python) {
  try {
    return present_interpreter(requires_python);
  } catch (const Error& error) {
    const std::string spec = missing_spec(settings_, requires_python);
    // A path or program named by a file in a checkout must not be run, not even to see whether it exists.
    if (error.kind() != ErrorKind::NoInterpreter || !names_version(spec)) throw;
    if (is_here(spec, discovery(), store())) throw;
    if (auto downloaded = offer_python(spec, *this)) return std::move(*downloaded);
    throw;
  }
}

Interpreter Session::present_interpreter(const std::optional<SpecifierSet>& requires_python) {
  if (settings_.python) return find_interpreter(*settings_.python, discovery(), store());
  if (!settings_.heeds_project) {
    DiscoveryOptions anywhere = discovery();
    anywhere.working_directory = "/";
    return default_interpreter(anywhere, store(), requires_python);
  }
  const FoundUpwards pins =
      find_upwards(settings_.working_directory, ".python-version", [](const fs::path& file) {
        std::error_code ignored;
        return fs::is_regular_file(file, ignored);
      });
  for (const fs::path& other : pins.passed_over)
    output_.warn(fmt::format("{} belongs to {} and is not read; `-p SPEC` names a Python", other.native(),
                             owner_of(other)));
  return default_interpreter(discovery(), store(), requires_python);
}

bool Session::confirms(std::string_view question) {
  output_.hold_live(true);
  const std::optional<std::string> answer =
      ask_terminal(for_terminal(fmt::format("{} [y/N] ", question)), Echo::On, stop_);
  output_.hold_live(false);
  throw_if_interrupted(stop_);
  return answer && !answer->empty() && (answer->front() == 'y' || answer->front() == 'Y');
}

DiscoveryOptions Session::discovery() const {
  DiscoveryOptions options;
  options.path = variable(settings_.variables, "PATH");
  options.home = settings_.home;
  options.managed = settings_.pythons_dir();
  options.pyenv_root = variable(settings_.variables, "PYENV_ROOT");
  options.pyenv_version = variable(settings_.variables, "PYENV_VERSION");
  options.working_directory = settings_.working_directory;
  return options;
}

}  // namespace moat
