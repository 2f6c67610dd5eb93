// Which indexes to ask, of all that the user's words and files say.
#pragma once

#include "cli/settings/settings.h"
#include "fetch/index/index.h"
#include "resolver/files/requirements_txt.h"

namespace moat {

// In the order to ask them; what a requirements file says joins, the user's own words win. Throws
// Error(Usage) for what is not a URL.
IndexList index_list(const Settings& settings, const RequirementsOptions& file = {});

}  // namespace moat
