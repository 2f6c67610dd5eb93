// Deploys a bundle to a folder: the release is built next to the live one, checked, switched to by one
// rename, and taken back if a hook fails.
#pragma once

#include "envs/deploy/bundle.h"
#include "envs/deploy/release.h"
#include "envs/environment/environment.h"
#include "envs/place/transaction.h"
#include "envs/python/runtime.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moat {

// Commands of the shell that decide whether a release stays; "": none.
struct DeployHooks {
  std::string check;  // before the switch
  std::string after;  // once it is live: restarts what runs
  std::string probe;  // then, until it succeeds
  std::chrono::milliseconds check_timeout{60'000};
  std::chrono::milliseconds probe_timeout{30'000};
  // Their environment variables, besides MOAT_RELEASE and MOAT_RELEASE_DIR.
  using Variables = std::vector<std::pair<std::string, std::string>>;
  std::function<Variables(const std::filesystem::path& environment)> variables;
};

struct DeployOptions {
  std::string command;    // for the environment's history: "moat deploy shop.moat /srv/shop"
  std::string signed_by;  // fingerprint; "" where nobody asked
  DeployHooks hooks;
  bool not_older = false;
  std::function<void(const std::string& release)> begun;  // called with the release's name once known
};

struct Deployed {
  DeployedRelease release;
  std::string before;     // the previous live release; "" for none
  bool was_live = false;  // nothing had to be done
};

// The targets of the bundle for machines of this kind, in its order; never empty. Error(NoSolution) lists the
// others.
std::vector<const BundleTarget*> fitting_targets(const Bundle& bundle, const std::string& architecture);
// The blobs that deploying it here needs: wheels that are already unpacked in the store are left out.
std::vector<OciDescriptor> missing_blobs(const BundleTarget& target, const Store& store);
// Error(NoSolution): a wheel is for another platform, or a newer glibc.
void check_platform(const BundleTarget& target, const Interpreter& interpreter);

// Where the parts of a bundle lie until an environment is made of them.
enum class PartsIn {
  Store,   // unpacked
  Bundle,  // still packed, except what the store already has and wheels that must be compiled. Each file is
           // written once, and the store keeps none of it. An error may only be found when the file is
           // placed: Error(BadArchive); the caller then tries again by way of the store, which reports it
};

// The wheels of the target, and its bytecode for this Python, if any.
std::vector<WantedPackage> obtain_packages(const Bundle& bundle, const BundleTarget& target,
                                           const Interpreter& interpreter, PartsIn place, Store& store,
                                           Workers& workers, Reporter& reporter);
// What an environment is made of.
struct ReleaseParts {
  Runtime runtime;
  std::vector<WantedPackage> packages;
};
// The same for a target that brings its Python, which is unpacked while the wheels are. PartsIn::Store: if it
// turns out not to start here, they are in the store; PartsIn::Bundle: it is not started. REQUIRES:
// target.runtime(). Errors as obtain_bundled_runtime() and check_platform().
ReleaseParts obtain_parts(const Bundle& bundle, const BundleTarget& target, PartsIn place, Store& store,
                          Workers& workers, Reporter& reporter);
// An environment that holds exactly these, and no pip.
Environment make_environment(const std::filesystem::path& root, const std::string& prompt, ReleaseParts parts,
                             Durable durable, const std::string& command, Store& store, Workers& workers,
                             Reporter& reporter);

// REQUIRES: the bundle was verified. `obtain` is called if there is something to do: with PartsIn::Bundle,
// and again with PartsIn::Store if that turns out not to hold. Error(Refused) if a hook fails; then, as with
// every other Error, the previous release is live.
Deployed deploy(const Bundle& bundle, const BundleTarget& target,
                const std::function<ReleaseParts(PartsIn)>& obtain, const DeploymentChange& change,
                const DeployOptions& options, Store& store, Workers& workers, Reporter& reporter);

// Makes room: keeps the newest `keep` releases, the live one, the one before it, and any with a running
// process. Warns about what it cannot remove. Stops early if the command is interrupted; the next deploy does
// the rest. Returns the names of the removed ones.
std::vector<std::string> remove_old_releases(const DeploymentChange& change, const Deployed& deployed,
                                             int keep, Reporter& reporter);

// Goes back to release `number`, by default the newest earlier one that was ever live. Error(NotFound).
Deployed roll_back(const DeploymentChange& change, std::optional<int> number, const DeployOptions& options,
                   Reporter& reporter);

// Differences from the deployed state: "bin/flask: changed". Empty: none.
std::vector<std::string> changed_files(const Deployment& deployment, const DeployedRelease& release,
                                       Workers& workers);

}  // namespace moat
