// pip's options and configuration → moat's own options.
#pragma once

#include "cli/args/args.h"
#include "cli/settings/settings.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

// Fills in the global and shared options of a `moat pip` line, which settings then read as if they had been
// typed in moat's words. Of pip's configuration the settings about indexes and the way to them count, below
// the command line and above moat's own; the rest is not obeyed, and where it would have changed the answer
// the invocation's warnings say so. Throws Error(Usage or BadInput).
void translate_pip(Invocation& invocation, const Variables& variables,
                   const std::filesystem::path& working_directory);

}  // namespace moat
