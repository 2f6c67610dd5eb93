// What was in an environment at an earlier state.
#pragma once

#include "envs/environment/environment.h"

namespace moat {

// Error(Refused) where the history does not reach back so far, or the state is yet to come.
Manifest manifest_of_state(const Environment& environment, int state);

}  // namespace moat
