// Does a wheel match the metadata by which its release was chosen? Versions are chosen by the METADATA that
// an index shows (a sidecar file, PEP 658); the file itself comes later.
#pragma once

#include "fetch/store/store.h"
#include "resolver/solve/candidate.h"

#include <optional>
#include <string>

namespace moat {

// How the wheel's own METADATA differs in the fields that resolving uses (Requires-Dist, Requires-Python,
// Provides-Extra; name and version come from its file name, which is checked elsewhere): "it requires `b>=2`,
// which was not said"; nullopt if it does not. Throws Error(Disk) if it cannot be read.
std::optional<std::string> metadata_disagreement(const ReleaseMetadata& told, const StoredWheel& wheel);

}  // namespace moat
