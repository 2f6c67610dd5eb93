// BuildFrontend: builds wheels from sources (PEP 517, 518, 660), each in a sealed environment with exactly
// the requirements that the build declares. docs/building.md describes what a build sees.
//
//   read pyproject.toml → environment with `requires` → get_requires_for_… → environment with those too
//   → [lock of this build] → the hook → the wheel is verified and stored, and found again
//
// Build requirements that exist only as sources are built by a frontend one level deeper, which knows the
// chain of builds. No lock is held while something else is built: builds wait for each other only over
// hooks.
#pragma once

#include "envs/build/build_environment.h"
#include "envs/build/build_variables.h"
#include "fetch/sources/source_builder.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace moat {

struct BuildOptions {
  BuildRequirementPolicy requirements;  // its BinaryPolicy also says what may be built at all
  bool network = false;                 // --build-network
  // --no-build-isolation: the Python of the environment whose packages builds use.
  std::optional<std::filesystem::path> without_isolation;
  std::string runtime;       // of the environment that is built for; "": a snapshot of its base as it is now
  BuildVariables variables;  // the user's; only some of them are passed
  std::vector<std::string> named_variables;          // --build-env
  std::optional<std::chrono::milliseconds> timeout;  // of one hook
};

enum class BuildPurpose;
class BuildWork;
class SharedBuilds;

// Thread-safe. At most as many hooks run at once as there are cores.
class BuildFrontend final : public SourceBuilder {
 public:
  BuildFrontend(BuildOptions options, Interpreter interpreter, HttpClient& http, Store& store,
                Workers& workers, Reporter& reporter);
  ~BuildFrontend() override;
  BuildFrontend(const BuildFrontend&) = delete;
  BuildFrontend& operator=(const BuildFrontend&) = delete;

  std::string metadata(const BuildRequest& request, std::stop_token stop) override;
  std::optional<std::string> known_metadata(const BuildRequest& request) override;
  StoredWheel build_wheel(const BuildRequest& request, std::stop_token stop) override;
  StoredWheel build_editable(const BuildRequest& request, std::stop_token stop) override;
  // Builds a source distribution of the tree into the folder, which exists; returns its path.
  std::filesystem::path build_sdist(const BuildRequest& request, const std::filesystem::path& folder,
                                    std::stop_token stop);

 private:
  // A build that needs another one.
  struct Link {
    std::string label;
    std::string key;  // of the tree, or its path
    std::optional<PackageName> name;
    std::optional<Version> version;
  };
  BuildFrontend(std::shared_ptr<SharedBuilds> shared, std::vector<Link> chain)
      : shared_(std::move(shared)), chain_(std::move(chain)) {}
  void refuse_if_forbidden(const BuildRequest& request) const;
  void refuse_cycle(const Link& link) const;
  BuildFrontend descend(const BuildRequest& request) const;  // into what `request` needs
  BuildWork prepare(const BuildRequest& request, BuildPurpose purpose, std::stop_token stop) const;

  std::shared_ptr<SharedBuilds> shared_;
  std::vector<Link> chain_;
};

}  // namespace moat
