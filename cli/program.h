// The whole program except for `main`: arguments in, exit status out.
#pragma once

namespace moat {

// Never throws. Exit statuses are the CLI reference's (docs/cli.md, Exit status).
int run(int argc, char** argv);

}  // namespace moat
