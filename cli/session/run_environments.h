// Environments that `moat run` makes for a script, or for `--with`: sealed like any other, kept in the store
// and swept with it (docs/store.md).
//
//   STORE/environments/<key>/env      key: digest of the Python and of exactly what is in it
//   STORE/environments/<key>/lock     shared by whatever runs in it, exclusive while it is made or swept
//   STORE/environments/answers/<q>    the key that a question gave; q: digest of requirements, settings,
//   Python
//
// A question is asked again when its answer is a day old, on --refresh, or where its environment is gone.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "fetch/os/file.h"
#include "resolver/lock/lockfile.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace moat {

struct RunQuestion {
  std::string name;  // "report.py", for messages and the prompt
  Goal goal;
  Interpreter interpreter;
  std::map<PackageName, Version> preferences;  // versions to keep if possible
  // The packages to install, instead of the goal; and the folder that their paths are relative to.
  std::optional<Pylock> lock = std::nullopt;
  std::filesystem::path lock_directory = {};
};

struct RunEnvironment {
  std::filesystem::path root;
  FileLock in_use;

  // The program that replaces this process, and its children, keep the environment in use as well.
  void pass_on() const;
};

// Created if missing. Throws as an installation does; if the network fails, an older answer is
// used.
RunEnvironment obtain_run_environment(RunQuestion question, Session& session);

bool is_run_environment(const std::filesystem::path& root, const std::filesystem::path& store);

struct RunEnvironmentUsage {
  std::uint64_t count = 0, bytes = 0;
};
RunEnvironmentUsage run_environments_size(const std::filesystem::path& store);
// Removes those not used for `older_than` in which nothing runs, and answers without an environment.
RunEnvironmentUsage sweep_run_environments(const std::filesystem::path& store,
                                           std::chrono::seconds older_than);
// The usage that the above would remove now.
RunEnvironmentUsage sweepable_run_environments(const std::filesystem::path& store,
                                               std::chrono::seconds older_than);

}  // namespace moat
