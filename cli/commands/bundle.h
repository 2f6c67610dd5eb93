// What the commands about bundles share.
#pragma once

#include "cli/session/session.h"
#include "fetch/os/file.h"

#include <string>

namespace moat {

// A bundle that the user names, to be read more than once. Error(BadInput) where there is no such file.
UniqueFd open_bundle_file(const std::string& file, const Session& session);

}  // namespace moat
