// METADATA as the resolver wants it: what one file needs, or why it can never be chosen.
#pragma once

#include "resolver/solve/candidate.h"

#include <string>
#include <string_view>

namespace moat {

ReleaseMetadata unusable_release(std::string reason);

// `version`: what it must be; nullptr where any will do.
ReleaseMetadata release_metadata(std::string_view text, const PackageName& name, const Version* version);

}  // namespace moat
