// Isolation proved (`moat doctor --prove`): with every other Python hidden, each top-level module is imported
// and each command started, and every file that is opened meanwhile is looked at. Runs what is installed.
#pragma once

#include "envs/environment/isolation.h"

#include <filesystem>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

struct ProofTerms {
  // Folders and files that are hidden from the environment: those of its base and of other Pythons, other
  // environments, the store. What holds the environment itself is not hidden.
  std::vector<std::filesystem::path> hidden;
  std::vector<std::pair<std::string, std::string>> variables;  // what programs are started with
  std::filesystem::path scratch;  // an empty folder where programs start; may be hidden
};

// Seconds to minutes. Error(Refused) if the system forbids namespaces or tracing.
std::vector<Finding> prove_isolation(const Environment& environment, const ProofTerms& terms,
                                     const std::stop_token& stop);

// Parts of an interpreter's installation that a process could use by mistake. Of one in /usr not the prefix,
// where everything lies.
std::vector<std::filesystem::path> places_of(const Interpreter& interpreter);

}  // namespace moat
