// Import-Name (core metadata 2.5): what a project says may be imported from it.
#pragma once

#include "envs/place/transaction.h"

#include <vector>

namespace moat {

// Error(Refused) where two of the packages claim one name: they would shadow each other, whatever their files
// are called. Few packages say anything yet; only their METADATA is parsed.
void refuse_shared_import_names(const std::vector<WantedPackage>& packages);

}  // namespace moat
