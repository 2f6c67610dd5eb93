// The packages that `moat audit` checks: those of an environment, a lock, or a bundle.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/environment.h"
#include "envs/install/audited_packages.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

struct AuditSubject {
  std::string name;  // the environment's, lock's or bundle's path
  std::optional<Environment> environment;
  std::vector<AuditedPackage> packages;  // by name
};

// `subject`: pylock*.toml, pinned requirements, a bundle or oci://…; nullopt: the chosen environment.
// Error(BadInput) for anything else.
AuditSubject audit_subject(const std::optional<std::string>& subject, Session& session);

}  // namespace moat
