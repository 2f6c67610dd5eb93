// The checks of `moat doctor`: facts observed inside the environment, and findings drawn from them.
#pragma once

#include "envs/environment/environment.h"
#include "envs/environment/installed.h"
#include "resolver/solve/target.h"

#include <string>
#include <vector>

namespace moat {

struct Finding {
  enum class Level { Ok, Note, Leak, Damage };
  Level level = Level::Ok;
  std::string check;                 // "sys.path", "mapped files", "sysconfig", "user site", "files", …
  std::string message;               // one sentence
  std::vector<std::string> details;  // paths
  std::string hint;                  // how to fix it
};

// What the environment's own Python reports when started as a user would.
struct ObservedPython {
  std::vector<std::string> sys_path, mapped_files, sysconfig_values;
  std::string prefix, base_prefix, executable, base_executable, stdlib;
  bool user_site_enabled = false;
  std::vector<std::string> own_folders;  // those of sys_path that do not belong to another Python
  std::vector<std::string> left_out;     // entries of PYTHONPATH that the launcher dropped
  std::vector<std::string> loaded_modules_outside;
};
ObservedPython observe(const Environment& environment,
                       const std::vector<std::pair<std::string, std::string>>& variables);

// Pure: which of the observed paths lie outside. System libraries (libc, OpenSSL, …) are Notes, reported
// together.
std::vector<Finding> judge(const ObservedPython& observed, const Environment& environment);

// Every file against the manifest; missing, changed and unknown ones in site-packages.
std::vector<Finding> verify_files(const Environment& environment, Workers& workers);
// Requirements of installed packages that are not met (what `pip check` says).
std::vector<Finding> check_dependencies(const InstalledDistributions& installed, const Target& target);

}  // namespace moat
