// How a goal that cannot be met is reported: its sentences, and a few fixes that were checked by resolving.
#pragma once

#include "cli/output/output.h"
#include "envs/install/hash_mode.h"
#include "envs/install/unmet.h"

namespace moat {

// Has the command an option --fix N?
enum class OffersFix { No, Yes };

// Versions other than `unmet.present` count as changes.
ExplainedError conflict_error(const Unmet& unmet, OffersFix offers);

ExplainedError unpinned_error(const UnpinnedLines& unpinned);

}  // namespace moat
