// The conditions that hash-checking mode sets for the user's lines, and what to write if they are not met.
#pragma once

#include "cli/output/output.h"
#include "cli/session/session.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/solve.h"

#include <optional>

namespace moat {

// Every requirement that applies must name one version (itself, or through a constraint) or be a URL.
// REQUIRES: request.require_hashes.
bool is_pinned_throughout(const ResolveRequest& request);

// Is a project without hashes the reason for the conflict? REQUIRES: request.require_hashes.
bool lacks_hashes(const Conflict& conflict, const ResolveRequest& request);

// The missing lines, with the hashes of the files that would be installed; if the index does not give them,
// they are downloaded and hashed. nullopt if there is no answer even without hashes.
std::optional<ExplainedError> missing_hashes(const ResolveRequest& request, CandidateSource& source,
                                             Session& session);

}  // namespace moat
