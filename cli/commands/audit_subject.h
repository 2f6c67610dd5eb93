// What `moat audit` looks at: the packages of an environment, or of a lock.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/environment.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

struct AuditedPackage {
  PackageName name;
  std::optional<Version> version;
  std::string index;  // that gives it, a URL; "" for what no index gives
  std::string from;   // where it comes from otherwise
  bool has_hash = true;
  std::optional<std::string> licence;  // nullopt: not known before it is installed
};

struct AuditSubject {
  std::string name;  // the environment's or lock's path
  std::optional<Environment> environment;
  std::vector<AuditedPackage> packages;  // by name
};

// `lock`: pylock*.toml, or requirements that are pinned; nullopt: the environment that is chosen.
// Error(BadInput) where it is neither.
AuditSubject audit_subject(const std::optional<std::string>& lock, Session& session);

}  // namespace moat
