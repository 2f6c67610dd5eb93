// Import-Name (core metadata 2.5): the modules that a project declares.
#pragma once

#include "envs/place/transaction.h"

#include <vector>

namespace moat {

// Error(Refused) if two of the packages declare the same name: they would shadow each other, whatever their
// file names. Few packages declare any yet; only their METADATA is parsed. Packages without a wheel are not
// known, and pass.
void refuse_shared_import_names(const std::vector<WantedPackage>& packages);

}  // namespace moat
