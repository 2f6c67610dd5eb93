// Packages as `moat audit` checks them: those of an environment, or of a lock.
#pragma once

#include "envs/environment/environment.h"
#include "envs/install/goal.h"
#include "resolver/base/reporter.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

struct AuditedPackage {
  PackageName name;
  std::optional<Version> version;
  std::string index;  // the URL of its index; "" if it came from no index
  std::string from;   // its origin otherwise
  bool has_hash = true;
  std::optional<std::string> licence;  // nullopt: not known before it is installed
};

// `otherwise`: the index to ask about packages whose origin is not recorded.
std::vector<AuditedPackage> audited_packages(const Environment& environment, const std::string& otherwise,
                                             Reporter& reporter);
std::vector<AuditedPackage> audited_packages(const Pylock& lock, const std::string& otherwise);
// Requirements, each of them pinned. Error(BadInput) for others: such a `file` is not a lock.
std::vector<AuditedPackage> audited_packages(const Goal& goal, const std::string& file,
                                             const std::string& otherwise);

}  // namespace moat
