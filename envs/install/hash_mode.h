// The conditions that hash-checking mode sets for the user's lines, and what to write if they are not met.
#pragma once

#include "fetch/store/tools.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/solve.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

// Every requirement that applies must name one version (itself, or through a constraint) or be a URL.
// REQUIRES: request.require_hashes.
bool is_pinned_throughout(const ResolveRequest& request);

// Is a project without hashes the reason for the conflict? REQUIRES: request.require_hashes.
bool lacks_hashes(const Conflict& conflict, const ResolveRequest& request);

// Lines that should stand in the requirements file, pinned and with the hash of the file that would be
// installed: "lib==1.0 --hash=sha256:…".
struct UnpinnedLines {
  std::vector<std::string> lines;
};

// The missing lines; hashes that the index does not give are had by downloading. nullopt if there is no
// answer even without hashes.
std::optional<UnpinnedLines> missing_hashes(const ResolveRequest& request, CandidateSource& source,
                                            const Tools& tools);

}  // namespace moat
