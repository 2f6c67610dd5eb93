// An installed distribution as a line of a requirements file, as pip writes it.
#pragma once

#include "envs/environment/installed.h"

#include <string>

namespace moat {

// "six==1.16.0", "six @ file:///wheels/six-1.16.0-….whl#sha256=…", "app @ git+https://…@commit"; for an
// editable project "# Editable install with no version control (app==1.0)" and "-e /src/app", on two lines.
std::string frozen_requirement(const InstalledDistribution& distribution);
// "six==1.16.0", whatever its origin.
std::string name_and_version(const InstalledDistribution& distribution);

}  // namespace moat
