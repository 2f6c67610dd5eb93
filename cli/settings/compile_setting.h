// When bytecode is made: what was asked for, or what suits where moat runs.
#pragma once

#include "cli/settings/settings.h"

namespace moat {

// Where nothing is said: behind. In a container, where no process goes on after a build's step and every
// start begins with the image's files, now.
void set_compile(Settings& settings, const SharedOptions& shared, const SettingLayers& layers);

// Does a continuous integration run this? Its jobs end with their last command, and import a thing once.
bool is_ci(const Variables& variables);

}  // namespace moat
