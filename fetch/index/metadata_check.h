// Is a wheel what its release was chosen by? Versions are chosen by what an index shows of METADATA (a
// sidecar file, PEP 658); the file itself comes later.
#pragma once

#include "fetch/store/store.h"
#include "resolver/solve/candidate.h"

#include <optional>
#include <string>

namespace moat {

// How the wheel's own METADATA differs in what matters to resolving (Requires-Dist, Requires-Python,
// Provides-Extra; name and version are its file name's, which is checked elsewhere): "it requires `b>=2`,
// which was not said"; nullopt where it does not. Throws Error(Disk) where it cannot be read.
std::optional<std::string> metadata_disagreement(const ReleaseMetadata& told, const StoredWheel& wheel);

}  // namespace moat
