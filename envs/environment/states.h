// What was in an environment at an earlier state.
#pragma once

#include "envs/environment/environment.h"

namespace moat {

// Error(Refused) if the history does not reach that far back, or there is no such state yet.
Manifest manifest_of_state(const Environment& environment, int state);

}  // namespace moat
