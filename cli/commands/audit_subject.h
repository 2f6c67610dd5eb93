// What `moat audit` looks at: the packages of an environment, a lock, or a bundle.
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
  std::string name;  // the environment's, lock's or bundle's path
  std::optional<Environment> environment;
  std::vector<AuditedPackage> packages;  // by name
};

// `subject`: pylock*.toml, requirements that are pinned, a bundle or oci://…; nullopt: the environment that
// is chosen. Error(BadInput) for anything else.
AuditSubject audit_subject(const std::optional<std::string>& subject, Session& session);

}  // namespace moat
