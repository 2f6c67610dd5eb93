// What hash-checking mode asks of the user's lines, and what to write where they fall short of it.
#pragma once

#include "cli/output/output.h"
#include "cli/session/session.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/solve.h"

#include <optional>

namespace moat {

// Every requirement that applies names one version (itself, or through a constraint) or is a URL. REQUIRES:
// request.require_hashes.
bool is_pinned_throughout(const ResolveRequest& request);

// Does the conflict come of a project that no line gives a hash for? REQUIRES: request.require_hashes.
bool lacks_hashes(const Conflict& conflict, const ResolveRequest& request);

// The lines that would have to be there, with the hashes of the files that would be installed; what the index
// does not tell is downloaded and hashed. nullopt where there is no answer even without hashes.
std::optional<ExplainedError> missing_hashes(const ResolveRequest& request, CandidateSource& source,
                                             Session& session);

}  // namespace moat
