// When bytecode is made: as the user says, or as suits the system that moat runs on.
#pragma once

#include "cli/settings/settings.h"

namespace moat {

// Default: in the background. In a container, where no process outlives a build step and every start begins
// with the image's files: now.
void set_compile(Settings& settings, const SharedOptions& shared, const SettingLayers& layers);

// Does a CI service run this? Its jobs end with their last command, and import everything only once.
bool is_ci(const Variables& variables);

}  // namespace moat
