// Which of the configured indexes to ask.
#pragma once

#include "cli/settings/settings.h"
#include "fetch/index/index.h"
#include "resolver/files/requirements_txt.h"

namespace moat {

// In the order to ask them; those of a requirements file are added, and the user's own options win. Throws
// Error(Usage) for an invalid URL.
IndexList index_list(const Settings& settings, const RequirementsOptions& file = {});

}  // namespace moat
