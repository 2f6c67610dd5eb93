// A build that is ready to begin: its source, the environment that holds what it requires, and the folders in
// which its hooks run. Removed with this object.
#pragma once

#include "envs/build/build_hook.h"
#include "envs/build/build_results.h"
#include "envs/build/build_shared.h"
#include "resolver/pep/requirement.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

class BuildWork {
 public:
  // Does everything up to the hook that builds. `deeper`: builds the requirements; `nested`: see
  // BuildEnvironments::obtain(). The request outlives it.
  BuildWork(SharedBuilds& shared, const BuildRequest& request, BuildPurpose purpose, std::stop_token stop,
            SourceBuilder& deeper, bool nested);

  BuildPurpose purpose() const { return purpose_; }
  const std::string& backend() const { return place_.system.backend; }
  const std::stop_token& stop() const { return stop_; }

  // `prepared`: the .dist-info that a wheel must match; "": none.
  HookAnswer call(Hook hook, const std::filesystem::path& prepared = {});
  // The file or folder that the hook made. Error(Build) if it failed, or the backend does not have it.
  std::filesystem::path made_by(Hook hook, const HookAnswer& answer) const;

  [[noreturn]] void fail(std::string reason, std::string output = {},
                         std::vector<std::string> hints = {}) const;

 private:
  std::filesystem::path out() const { return folder_.path() / "out"; }
  std::vector<Requirement> parse_all(const std::vector<std::string>& texts, std::string_view source) const;
  void take_source();
  void use_python(const std::filesystem::path& python, const std::filesystem::path& environment);
  void use_environment(SourceBuilder& deeper, bool nested);
  void add_dynamic_requirements(SourceBuilder& deeper, bool nested);
  void tell_git_what_is_safe() const;
  std::string typed_requirements() const;
  [[noreturn]] void fail_hook(Hook hook, const HookFailed& failed, const std::string& output) const;

  SharedBuilds& shared_;
  const BuildRequest& request_;
  BuildPurpose purpose_;
  std::stop_token stop_;
  HookPlace place_;
  std::vector<Requirement> requirements_;
  TempDir folder_;
  std::shared_ptr<const BuildEnvironment> environment_;
  bool is_users_ = false;  // place_.source is a folder of the user's and must be left as it was
};

}  // namespace moat
