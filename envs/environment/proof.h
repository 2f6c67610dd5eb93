// Proves isolation (`moat doctor --prove`): with every other Python hidden, imports each top-level module,
// starts each command, and checks every file that is opened meanwhile. Runs installed code.
#pragma once

#include "envs/environment/isolation.h"

#include <filesystem>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

struct ProofTerms {
  // Files and folders to hide from the environment: those of its base and of other Pythons, other
  // environments, the store. A folder that contains the environment itself is not hidden.
  std::vector<std::filesystem::path> hidden;
  std::vector<std::pair<std::string, std::string>> variables;  // what programs are started with
  std::filesystem::path scratch;  // an empty folder where programs start; may be hidden
};

// Seconds to minutes. Error(Refused) if the system forbids namespaces or tracing.
std::vector<Finding> prove_isolation(const Environment& environment, const ProofTerms& terms,
                                     const std::stop_token& stop);

// The parts of an interpreter's installation that a process could use by mistake. For one in /usr not the
// prefix, which holds everything.
std::vector<std::filesystem::path> places_of(const Interpreter& interpreter);

}  // namespace moat
