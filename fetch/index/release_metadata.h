// METADATA for the resolver: the requirements of one file, or why it can never be chosen.
#pragma once

#include "resolver/solve/candidate.h"

#include <string>
#include <string_view>

namespace moat {

ReleaseMetadata unusable_release(std::string reason);

// `version`: the expected one; nullptr if any is fine.
ReleaseMetadata release_metadata(std::string_view text, const PackageName& name, const Version* version);

}  // namespace moat
