// Environments that builds run in: sealed like any other, made in the store's tmp/, removed with the process.
#pragma once

#include "envs/environment/environment.h"
#include "envs/python/interpreter.h"
#include "envs/python/runtime.h"
#include "fetch/http/http.h"
#include "fetch/index/index_source.h"
#include "fetch/sources/source_builder.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/pep/requirement.h"
#include "resolver/solve/solve.h"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace moat {

// How build requirements are chosen. The user's ordinary constraints do not apply to them.
struct BuildRequirementPolicy {
  IndexSourceOptions indexes;
  std::vector<RootRequirement> constraints;  // --build-constraint
  BinaryPolicy binary;
  PrereleasePolicy prereleases;
  std::optional<UnixTime> exclude_newer;
};

// The environment of a build.
class BuildEnvironment {
 public:
  BuildEnvironment(TempDir folder, Environment environment)
      : folder_(std::move(folder)), environment_(std::move(environment)) {}

  const Environment& environment() const { return environment_; }
  // Is it unchanged? A build may change it, and then no other build may use it.
  bool is_untouched() const;
  void remember();

 private:
  TempDir folder_;
  Environment environment_;
  std::string looks_;
};

// One set of requirements is resolved and installed once in a process; builds that want the same share an
// environment. Thread-safe.
class BuildEnvironments {
 public:
  BuildEnvironments(BuildRequirementPolicy policy, Interpreter interpreter, std::string runtime,
                    HttpClient& http, Store& store, Workers& workers, Reporter& reporter);

  // Holds exactly the requirements and their dependencies. `builder`: for those that exist only as sources.
  // `nested`: this is itself for such a build; then it waits for nobody, since they may be waiting for it.
  // Throws Error(NoSolution), explained like any conflict, and the errors of fetching.
  std::shared_ptr<const BuildEnvironment> obtain(const std::vector<Requirement>& requirements,
                                                 SourceBuilder& builder, bool nested, std::stop_token stop);

  const Interpreter& interpreter() const { return interpreter_; }

 private:
  struct Slot {
    bool in_the_making = false;
    std::shared_ptr<const BuildEnvironment> environment;
  };
  std::shared_ptr<const BuildEnvironment> make(const std::vector<Requirement>& requirements,
                                               SourceBuilder& builder, std::stop_token stop);
  std::vector<struct WantedPackage> fetch(const std::vector<Requirement>& requirements,
                                          SourceBuilder& builder, const std::stop_token& stop);
  const Runtime& runtime();

  BuildRequirementPolicy policy_;
  Interpreter interpreter_;
  std::string runtime_fingerprint_;  // of the environment that is built for; "": its base decides
  HttpClient& http_;
  Store& store_;
  Workers& workers_;
  Reporter& reporter_;

  std::once_flag runtime_once_;
  std::optional<Runtime> runtime_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Slot> places_;
};

// Which of the requirements an environment does not meet.
std::vector<Requirement> unmet_in(const Environment& environment,
                                  const std::vector<Requirement>& requirements);

}  // namespace moat
