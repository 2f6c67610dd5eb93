// A user's logins for registries, as docker, podman and skopeo keep them: ~/.docker/config.json,
// $REGISTRY_AUTH_FILE and containers/auth.json, with the programs (docker-credential-NAME) that these name.
#pragma once

#include "fetch/os/variables.h"
#include "resolver/base/error.h"
#include "resolver/base/reporter.h"

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

struct RegistryLogin {
  std::string user, password;
  std::string identity_token;  // instead of them: exchanged for a token at the registry's own service
  friend bool operator==(const RegistryLogin&, const RegistryLogin&) = default;
};

// One such file.
struct RegistryLogins {
  std::map<std::string, RegistryLogin> logins;  // by "host[:port][/repository]"
  std::map<std::string, std::string> helpers;   // NAME by host[:port]
  std::string helper;                           // NAME for every other host; "" for none

  static Expected<RegistryLogins> parse(std::string_view text);
  // The login of the longest path that holds the repository.
  const RegistryLogin* find(std::string_view host, std::string_view repository) const;
};

// nullopt if the text is not a valid answer.
std::optional<RegistryLogin> parse_helper_answer(std::string_view text);

struct RegistryLoginSources {
  std::vector<std::filesystem::path> files;  // the first that knows the host wins; missing ones are fine
  std::vector<std::pair<std::string, std::string>> variables;  // what helpers get, PATH among them
  std::string path;                                            // where helpers are looked for
};

// In the search order of podman and skopeo: explicitly named files first.
RegistryLoginSources registry_login_sources(const Variables& variables, const std::filesystem::path& home);

// Reports and skips invalid files and failing helpers. May run a program.
std::optional<RegistryLogin> find_registry_login(const std::string& registry, const std::string& repository,
                                                 const RegistryLoginSources& sources, Reporter& reporter,
                                                 const std::stop_token& stop);

}  // namespace moat
