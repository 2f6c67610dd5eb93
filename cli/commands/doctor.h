// The findings of `moat doctor`, without printing them: `moat report` shows them in a page.
#pragma once

#include "cli/session/session.h"
#include "envs/environment/isolation.h"

#include <string_view>
#include <vector>

namespace moat {

// "ok", "note", "leak", "damage".
std::string_view level_name(Finding::Level level);
std::vector<Finding> examine(const Environment& environment, Session& session);

}  // namespace moat
