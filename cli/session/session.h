// The composition root: the objects a command works with, each made when it is first asked for.
#pragma once

#include "cli/output/output.h"
#include "cli/output/progress.h"
#include "cli/settings/settings.h"
#include "envs/environment/environment.h"
#include "envs/python/discovery.h"
#include "fetch/http/auth.h"
#include "fetch/http/http.h"
#include "fetch/index/index_source.h"
#include "fetch/os/workers.h"
#include "fetch/sources/source_setup.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

class KnownAdvisories;

// Members are destroyed in reverse order: objects that wait for the network before the network, threads
// before the objects they use.
class Session {
 public:
  Session(Settings settings, std::string command_line, Output& output, Progress& progress,
          std::stop_token stop);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Settings& settings() const { return settings_; }
  // From here on the project's pyproject.toml is treated as if it had this text.
  void take_project_text(std::string text) { settings_.pyproject_text = std::move(text); }
  void take_member_text(std::string text) { settings_.member_text = std::move(text); }
  const std::string& command_line() const { return command_line_; }  // "moat install flask"
  Output& output() const { return output_; }
  Progress& reporter() { return progress_; }
  std::stop_token stop() const { return stop_; }

  Store& store();
  Workers& workers();
  // `indexes`: only their credentials are used, and they define the trusted hosts.
  HttpClient& http(const IndexList& indexes);
  std::unique_ptr<IndexSource> index_source(const IndexList& indexes);
  IndexSourceOptions index_options(const IndexList& indexes) const;
  // Of pip's variables that the user may expect to name indexes here.
  void warn_of_unheeded() const;

  // Asks on the terminal; true for yes. Error(Interrupted).
  bool confirms(std::string_view question);

  // From here on the command works on this application's environment.
  void work_on_tool(PackageName name) { settings_.tool = std::move(name); }

  // Until this is called sources are not candidates (envs/install/prepare_sources.h).
  SourceSetup& use_sources(const IndexList& indexes);
  SourceSetup& sources() { return sources_; }

  // Known vulnerabilities of releases, read and requested once.
  KnownAdvisories& advisories();

  // Environments that were changed, and whose bytecode is still missing (cli/session/bytecode_later.h).
  void lacks_bytecode(const std::filesystem::path& environment) { lacking_bytecode_.insert(environment); }
  const std::set<std::filesystem::path>& lacking_bytecode() const { return lacking_bytecode_; }
  // An environment was made from it, and more may follow.
  void used_runtime(std::string fingerprint) { used_runtime_ = std::move(fingerprint); }
  const std::string& used_runtime() const { return used_runtime_; }

  // --python, or the choice of the project and this machine; a missing one is downloaded if allowed.
  Interpreter chosen_interpreter(const std::optional<SpecifierSet>& requires_python = std::nullopt);
  DiscoveryOptions discovery() const;

 private:
  Interpreter present_interpreter(const std::optional<SpecifierSet>& requires_python);
  using IndexKey = std::pair<std::vector<Url>, std::vector<std::string>>;
  struct Network {
    IndexKey key;
    std::unique_ptr<Credentials> credentials;
    std::unique_ptr<HttpClient> http;
  };

  Settings settings_;
  std::string command_line_;
  Output& output_;
  Progress& progress_;
  std::stop_token stop_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Workers> workers_;
  std::list<Network> network_;
  SourceSetup sources_;
  std::set<std::filesystem::path> lacking_bytecode_;
  std::string used_runtime_;
  std::unique_ptr<KnownAdvisories> advisories_;
};

}  // namespace moat
