// moat run --matrix 3.11,3.12 -- CMD: the project's environment for several Pythons, CMD in each.
#pragma once

#include "cli/args/args.h"
#include "cli/session/session.h"

namespace moat {

// The environments are sealed, and kept in the store like those of `run --with`. Exit status: the worst one
// of CMD's.
int run_matrix(const RunCommand& command, Session& session);

}  // namespace moat
