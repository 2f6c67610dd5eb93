// pip's options and configuration → moat's own options.
#pragma once

#include "cli/args/args.h"
#include "cli/settings/settings.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

// Fills in the global and shared options of a `moat pip` line, as if they had been typed as moat's options.
// From pip's configuration, settings about indexes and connections apply, below the command line and above
// moat's own; the others are ignored, with a warning in the invocation if they would have changed the result.
// Throws Error(Usage or BadInput).
void translate_pip(Invocation& invocation, const Variables& variables,
                   const std::filesystem::path& working_directory);

}  // namespace moat
