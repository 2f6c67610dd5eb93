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

#include "envs/environment/environment.h"
#include "envs/install/goal.h"
#include "envs/install/install_request.h"
#include "envs/install/obtain_plan.h"
#include "envs/place/place_terms.h"
#include "envs/python/interpreter.h"
#include "fetch/os/file.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/resolution.h"

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
  bool is_new = false;  // made just now

  // The program that replaces this process, and its children, keep the environment in use as well.
  void pass_on() const;
};

// Of an earlier run to the same question.
struct RunAnswer {
  std::string key;  // of the environment
  std::chrono::seconds age{};
};

struct AskedRun {
  std::string key = {};     // of the question
  bool is_lasting = false;  // the same question may be answered the same next time
  std::optional<RunAnswer> before = std::nullopt;

  // Is the earlier answer young enough not to ask again?
  bool holds() const;
};

// `terms`: with build constraints.
AskedRun ask_earlier_runs(const RunQuestion& question, const InstallRequest& terms,
                          const std::filesystem::path& store);
// The environment of the earlier answer, in use from here on; nullopt where there is none.
std::optional<RunEnvironment> find_answered(const AskedRun& asked, const std::filesystem::path& store);

struct RunTools {
  WheelTools wheels;
  PlaceTerms place;
};
// The environment with exactly these packages, created if missing; and the question is answered. Throws as an
// installation does.
RunEnvironment make_run_environment(const AskedRun& asked, const RunQuestion& question,
                                    const Resolution& resolution, const InstallRequest& terms,
                                    const std::filesystem::path& store, const RunTools& with);

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
