#include "fetch/oci/logins.h"

#include "fetch/oci/reference.h"
#include "fetch/os/file.h"
#include "fetch/os/process.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

using nlohmann::json;

// A locked keyring may ask its user first.
constexpr std::chrono::seconds kHelperPatience{60};

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// docker uses this name for Docker Hub; podman and skopeo use "docker.io".
constexpr std::string_view kHubLogin = "index.docker.io";

// "https://host/v1/" as docker once wrote it: the host.
std::string key_of(std::string_view name) {
  bool has_scheme = false;
  for (const std::string_view scheme : {"https://", "http://"})
    if (name.starts_with(scheme)) {
      name.remove_prefix(scheme.size());
      has_scheme = true;
    }
  if (has_scheme) name = name.substr(0, name.find('/'));
  while (name.ends_with('/')) name.remove_suffix(1);
  std::string key = ascii_lower(name);
  for (const std::string_view hub : {std::string_view("docker.io"), std::string_view(kDockerHub)})
    if (key == hub || (key.starts_with(hub) && key[hub.size()] == '/'))
      return key.replace(0, hub.size(), kHubLogin);
  return key;
}

RegistryLogin login_of(const json& entry) {
  RegistryLogin out{text_of(entry, "username"), text_of(entry, "password"), text_of(entry, "identitytoken")};
  const std::string auth = text_of(entry, "auth");
  const auto decoded = auth.empty() ? Expected<std::string>(std::string()) : from_base64(auth);
  if (!decoded || decoded->empty()) return out;
  const std::size_t colon = decoded->find(':');
  out.user = decoded->substr(0, colon);
  out.password = colon == std::string::npos ? "" : decoded->substr(colon + 1);
  while (out.password.ends_with('\0')) out.password.pop_back();
  return out;
}

bool is_known(const RegistryLogin& login) { return !login.user.empty() || !login.identity_token.empty(); }

// A name becomes part of a program's name: it must not be a path.
bool is_helper_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return is_ascii_alnum(c) || c == '-' || c == '_' || c == '.';
  });
}

std::optional<RegistryLogin> ask_helper(const std::string& name, const std::string& host,
                                        const RegistryLoginSources& sources, Reporter& reporter,
                                        const std::stop_token& stop) {
  const std::string program = "docker-credential-" + name;
  const auto found = is_helper_name(name) ? find_program(program, sources.path) : std::nullopt;
  if (!found) {
    reporter.warn(
        fmt::format("cannot ask {} for the credentials of {}: it is not on PATH", quote(program), host));
    return std::nullopt;
  }
  const ProcessResult result = run_process({.argv = {found->native(), "get"},
                                            .environment = sources.variables,
                                            .directory = {},
                                            .input = host,
                                            .merge_output = false,
                                            .timeout = kHelperPatience},
                                           stop);
  if (result.status == 0)
    if (auto login = parse_helper_answer(result.output)) return login;
  // The only message with which a helper says that it has none.
  if (result.output.find("credentials not found") == std::string::npos)
    reporter.warn(
        fmt::format("{} gives no credentials for {} (exit status {})", quote(program), host, result.status));
  return std::nullopt;
}

}  // namespace

Expected<RegistryLogins> RegistryLogins::parse(std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return parse_error("it is not a JSON object");
  RegistryLogins out;
  if (const auto auths = value.find("auths"); auths != value.end() && auths->is_object())
    for (const auto& [name, entry] : auths->items())
      if (entry.is_object()) out.logins.emplace(key_of(name), login_of(entry));
  if (const auto helpers = value.find("credHelpers"); helpers != value.end() && helpers->is_object())
    for (const auto& [name, helper] : helpers->items())
      if (helper.is_string()) out.helpers.emplace(key_of(name), helper.get<std::string>());
  out.helper = text_of(value, "credsStore");
  return out;
}

const RegistryLogin* RegistryLogins::find(std::string_view host, std::string_view repository) const {
  std::string name = fmt::format("{}/{}", host, repository);
  for (;;) {
    const auto found = logins.find(name);
    if (found != logins.end() && is_known(found->second)) return &found->second;
    const std::size_t slash = name.rfind('/');
    if (slash == std::string::npos) return nullptr;
    name.resize(slash);
  }
}

std::optional<RegistryLogin> parse_helper_answer(std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  const std::string user = text_of(value, "Username"), secret = text_of(value, "Secret");
  if (secret.empty()) return std::nullopt;
  if (user == "<token>") return RegistryLogin{"", "", secret};
  return user.empty() ? std::nullopt : std::optional(RegistryLogin{user, secret, ""});
}

RegistryLoginSources registry_login_sources(const Variables& variables, const std::filesystem::path& home) {
  RegistryLoginSources out{
      .files = {}, .variables = {variables.begin(), variables.end()}, .path = variable(variables, "PATH")};
  if (const std::string file = variable(variables, "REGISTRY_AUTH_FILE"); !file.empty())
    out.files.emplace_back(file);
  if (const std::string run = variable(variables, "XDG_RUNTIME_DIR"); !run.empty())
    out.files.push_back(std::filesystem::path(run) / "containers/auth.json");
  const std::string config = variable(variables, "XDG_CONFIG_HOME");
  out.files.push_back((config.empty() ? home / ".config" : std::filesystem::path(config)) /
                      "containers/auth.json");
  const std::string docker = variable(variables, "DOCKER_CONFIG");
  out.files.push_back((docker.empty() ? home / ".docker" : std::filesystem::path(docker)) / "config.json");
  return out;
}

std::optional<RegistryLogin> find_registry_login(const std::string& registry, const std::string& repository,
                                                 const RegistryLoginSources& sources, Reporter& reporter,
                                                 const std::stop_token& stop) {
  const bool is_hub = registry == kDockerHub;
  const std::string host = is_hub ? std::string(kHubLogin) : registry;
  for (const fs::path& file : sources.files) {
    const auto text = read_file_if_exists(file);
    if (!text) continue;
    const auto logins = RegistryLogins::parse(*text);
    if (!logins) {
      reporter.warn(fmt::format("{} is not used: {}", quote(file.native()), logins.error().message));
      continue;
    }
    const auto named = logins->helpers.find(host);
    const std::string& helper = named != logins->helpers.end() ? named->second : logins->helper;
    if (!helper.empty())
      if (auto login =
              ask_helper(helper, is_hub ? "https://index.docker.io/v1/" : host, sources, reporter, stop))
        return login;
    if (const RegistryLogin* login = logins->find(host, repository)) return *login;
  }
  return std::nullopt;
}

}  // namespace moat
