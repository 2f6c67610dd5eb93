// The setting audit-ignore.
#pragma once

#include "cli/settings/settings.h"
#include "fetch/index/known_advisories.h"

#include <vector>

namespace moat {

// Error(Usage).
std::vector<AuditException> audit_exceptions(const Settings& settings, UnixTime now);

}  // namespace moat
