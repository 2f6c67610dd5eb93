// METADATA of a source distribution that an index lists.
#pragma once

#include "fetch/sources/sources.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/solve/candidate.h"

#include <stop_token>

namespace moat {

// What was read out of it before, what it says itself, or what a build finds. Blocks, for minutes where it is
// built. Error(Refused) if that is not allowed.
ReleaseMetadata sdist_metadata(const PackageName& name, const Version& version, const Artifact& artifact,
                               Sources& sources, const Store& store, const SourcePolicy& policy,
                               Reporter& reporter, const std::stop_token& stop);

}  // namespace moat
