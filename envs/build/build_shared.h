// What the builds of one BuildFrontend share, and those of the frontends below it: settings that are looked
// up when the first build needs them, how many hooks run at once, what was made in this run.
#pragma once

#include "envs/build/build.h"
#include "envs/build/build_environment.h"
#include "envs/build/build_variables.h"
#include "fetch/os/file.h"
#include "fetch/os/guarded.h"

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace moat {

// At most as many at once as there are cores.
class BuildSlots {
 public:
  BuildSlots();
  void take(const std::stop_token& stop);  // Error(Interrupted)
  void give_back();

 private:
  std::mutex mutex_;
  std::condition_variable_any freed_;
  unsigned free_;
};

class BuildSlot {
 public:
  BuildSlot(BuildSlots& slots, const std::stop_token& stop) : slots_(slots) { slots_.take(stop); }
  ~BuildSlot() { slots_.give_back(); }
  BuildSlot(const BuildSlot&) = delete;
  BuildSlot& operator=(const BuildSlot&) = delete;

 private:
  BuildSlots& slots_;
};

// The beginning of every build command, so that no process outlives it and, unless --build-network, it has no
// network (envs/launcher/seal.c).
struct BuildSeal {
  std::vector<std::string> command;
  bool closes_network = false;
};

// Thread-safe.
class SharedBuilds {
 public:
  SharedBuilds(BuildOptions given, Interpreter interpreter, HttpClient& http, Store& given_store,
               Workers& given_workers, Reporter& given_reporter);

  const std::optional<std::string>& setting();  // see setting_key_of()
  const BuildSeal& seal();
  // [safe] of the user's git settings, as a settings file; "" if there is none.
  const std::string& safe_directories();

  // Waits for other processes that hold the lock of this name, as long as it takes. Error(Interrupted).
  FileLock lock(const std::string& what, const std::string& label, const std::stop_token& stop) const;

  // Error(Build) of the tree with this label. `reason`: a clause.
  [[noreturn]] void fail(const std::string& label, std::string reason, std::string output = {},
                         std::vector<std::string> hints = {}) const;

  const BuildOptions options;
  BuildEnvironments environments;
  Store& store;
  Workers& workers;
  Reporter& reporter;
  const BuildVariables passed;
  std::vector<std::string> tools;  // folders of the user's PATH
  BuildSlots slots;
  // The .dist-info that PrepareMetadata made in this run, by source and settings.
  Guarded<std::map<std::string, std::shared_ptr<TempDir>>> prepared;

 private:
  std::string users_path_;  // PATH
  std::once_flag setting_once_, seal_once_, safe_once_;
  std::string safe_;
  std::optional<std::string> setting_key_;
  std::optional<TempDir> folder_;
  BuildSeal seal_;
};

}  // namespace moat
